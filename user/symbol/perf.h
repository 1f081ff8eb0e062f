/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_PERF_H
#define TCPWATCH_SYMBOL_PERF_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/index.h"

/* A larger file is read as far as this. */
#define SYMBOL_PERF_MAX (64UL << 20)

/* What a just-in-time compiler says of its code: the text of /tmp/perf-PID.map. Zeroed: empty. */
struct symbol_perf {
	char *text; /* names end with NUL */
	struct symbol_index index;
};

/* Takes over the text, which malloc() made; also on failure. Lines that make no sense are left out.
 * Of code that was replaced, the last line counts. Returns 0 or -ENOMEM. */
int symbol_perf_parse(struct symbol_perf *perf, char *text, size_t len);
/* The name of what is at the address, and where that begins; NULL if there is none. */
const char *symbol_perf_find(const struct symbol_perf *perf, uint64_t address, uint64_t *start);
void symbol_perf_clear(struct symbol_perf *perf);

#endif
