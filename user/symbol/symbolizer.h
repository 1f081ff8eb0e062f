/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOLIZER_H
#define TCPWATCH_SYMBOLIZER_H

#include <stdbool.h>

#include "symbol/call_site.h"

/* Stacks with higher numbers get no names. */
#define SYMBOLIZER_STACKS_MAX (1U << 16)

/*
 * Makes the source of names for live processes: names come from the processes' own files. Starts
 * the processes that read them, with `debuginfod` from the servers in $DEBUGINFOD_URLS too. Call it
 * before privileges are dropped, so that they can change their user, and before tcpwatch has keys
 * or much else in memory, which they would inherit. Where they cannot give up their privileges, a
 * message on stderr says so, and stacks get modules and offsets only. Returns 0 or a negative
 * errno; *sites is untouched then. The caller frees *sites with its ops->free().
 */
int symbolizer_new(struct call_sites **sites, bool debuginfod);

#endif
