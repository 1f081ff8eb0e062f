/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_LOOKUP_H
#define TCPWATCH_SYMBOL_LOOKUP_H

#include <stdatomic.h>
#include <stdint.h>

#include "symbol/wire.h"

/* How many files' symbols are kept. The file that was not used for longest is dropped. */
#define SYMBOL_LOOKUP_FILES 8

/* Runs in the worker: answers requests from the files that come with them. */
struct symbol_lookup;

/* *progress always has the index, in the request, of the file that is being read, SYMBOL_NO_FILE
 * between them. It must outlive the lookup. Returns NULL without memory. */
struct symbol_lookup *symbol_lookup_new(_Atomic uint32_t *progress);
/* NULL is allowed. */
void symbol_lookup_free(struct symbol_lookup *lookup);

/* Writes the answer. `fds` has a descriptor for each file, -1 where there is none; `perf` is that
 * of the perf map, or -1. All of them are closed. */
void symbol_lookup_answer(struct symbol_lookup *lookup, const struct symbol_request *request,
			  int fds[SYMBOL_REQUEST_FILES], int perf, struct symbol_answer *answer);
/* Frees what is kept of all files. */
void symbol_lookup_forget(struct symbol_lookup *lookup);

#endif
