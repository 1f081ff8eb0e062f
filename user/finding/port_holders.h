/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PORT_HOLDERS_H
#define TCPWATCH_PORT_HOLDERS_H

#include "finding/finding.h"
#include "finding/port_use.h"

/* What time-wait-churn says of the connections that hold local ports: most of the cures for one
 * kind of holders make it worse for another. */

/* Sets what the finding says and advises by what holds most ports of the pair. */
void port_holders_describe(struct finding *finding, const struct port_pair *pair);

/* Adds as evidence how many ports are in use, of how many, and by what. */
void port_holders_count(struct finding *finding, const struct port_pair *pair);

#endif
