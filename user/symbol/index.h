/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_INDEX_H
#define TCPWATCH_SYMBOL_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* More ranges than this are left out. */
#define SYMBOL_INDEX_MAX (1 << 22)

/* Addresses [low, high), and what is there. */
struct symbol_range {
	uint64_t low, high;
	uint64_t value;
};

/* Which range an address is in. Zeroed: empty. */
struct symbol_index {
	struct symbol_range *ranges;
	size_t count, room;
};

/* Returns 0, -ENOMEM or -E2BIG. A range without length reaches to the next one. */
int symbol_index_add(struct symbol_index *index, uint64_t low, uint64_t high, uint64_t value);
/* After the last add, before the first find. */
void symbol_index_seal(struct symbol_index *index);
/* The range that begins nearest before the address and has it; of several with the same beginning
 * the first, in the order of their values. NULL if there is none. */
const struct symbol_range *symbol_index_find(const struct symbol_index *index, uint64_t address);
void symbol_index_clear(struct symbol_index *index);

#endif
