/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef SHOP_H
#define SHOP_H

#define PAYMENTS_ADDRESS "10.0.0.7"
#define PAYMENTS_PORT	 8443
#define SHOP_PORT	 8080

/* Charges a card at the payment service. Returns 0, or -1 if the card was not charged. */
int charge(void);

/* Serves one order on a connection, which remains the caller's. */
void checkout(int fd);

#endif
