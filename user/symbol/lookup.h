/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_LOOKUP_H
#define TCPWATCH_SYMBOL_LOOKUP_H

#include <stdatomic.h>
#include <stdint.h>

#include "symbol/wire.h"

/* Files whose symbols stay in memory; the one that was not used for longest goes. */
#define SYMBOL_LOOKUP_FILES 8

/* In the worker: answers requests from the files that come with them. */
struct symbol_lookup;

/* Writes to `progress` which file of the request it has in hand, SYMBOL_NO_FILE between them. NULL
 * without memory. */
struct symbol_lookup *symbol_lookup_new(_Atomic uint32_t *progress);
void symbol_lookup_free(struct symbol_lookup *lookup);

/* Takes the descriptors: one for each file, -1 where there is none; `perf` likewise. */
void symbol_lookup_answer(struct symbol_lookup *lookup, const struct symbol_request *request,
			  int fds[SYMBOL_REQUEST_FILES], int perf, struct symbol_answer *answer);
/* Gives all files back. */
void symbol_lookup_forget(struct symbol_lookup *lookup);

#endif
