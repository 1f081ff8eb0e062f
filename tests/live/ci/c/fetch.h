/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>

/* Asks the server on this port of the loopback; the answer is 0-terminated. Returns 0, or -1 and
 * errno: EBUSY where the server is busy. */
int fetch(unsigned short port, char *answer, size_t size);

#endif
