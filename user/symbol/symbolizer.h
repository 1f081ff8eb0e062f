/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOLIZER_H
#define TCPWATCH_SYMBOLIZER_H

#include "symbol/call_site.h"

/* Stacks that it keeps names for; numbers beyond get none. */
#define SYMBOLIZER_STACKS_MAX (1U << 16)

/*
 * Names from the processes' own files: the live one. Starts the worker that reads them: while there
 * still are all privileges to give up, and before much is in memory. Returns 0 or a negative errno.
 */
int symbolizer_new(struct call_sites **sites);

#endif
