/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_PERF_H
#define TCPWATCH_SYMBOL_PERF_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/index.h"

/* How many bytes of a file are read. */
#define SYMBOL_PERF_MAX (64UL << 20)

/* The names that a just-in-time compiler writes to /tmp/perf-PID.map. A zeroed one is empty. */
struct symbol_perf {
	char *text; /* each name ends with a 0 */
	struct symbol_index index;
};

/*
 * Takes over the text, from malloc(), also on failure. Leaves out lines that cannot be parsed.
 * Where code was replaced, the last line counts. Returns 0, or -ENOMEM with *perf untouched.
 */
int symbol_perf_parse(struct symbol_perf *perf, char *text, size_t len);
/* Returns the name of the code at the address, and sets *start to where that code begins. Returns
 * NULL if there is none. The name is valid as long as *perf. */
const char *symbol_perf_find(const struct symbol_perf *perf, uint64_t address, uint64_t *start);
/* Frees the text; *perf is empty then. */
void symbol_perf_clear(struct symbol_perf *perf);

#endif
