/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOLIZER_H
#define TCPWATCH_SYMBOLIZER_H

#include "symbol/call_site.h"

/* Stacks with higher numbers get no names. */
#define SYMBOLIZER_STACKS_MAX (1U << 16)

/*
 * Makes the source of names for live processes: names come from the processes' own files. Starts
 * the worker that reads them. Call it before privileges are dropped, so that the worker can change
 * its user, and before tcpwatch has much in memory, which the fork would copy. Returns 0 or a
 * negative errno; *sites is untouched then. The caller frees *sites with its ops->free().
 */
int symbolizer_new(struct call_sites **sites);

#endif
