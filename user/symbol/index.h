/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_INDEX_H
#define TCPWATCH_SYMBOL_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* How many ranges an index can have. */
#define SYMBOL_INDEX_MAX (1 << 22)

/* Addresses [low, high), and a value for what is there. */
struct symbol_range {
	uint64_t low, high;
	uint64_t value;
};

/* Finds the range that an address is in. A zeroed index is an empty one. */
struct symbol_index {
	struct symbol_range *ranges;
	size_t count, room;
};

/* Adds a range. One without length will reach up to the next range. Returns 0, -ENOMEM, or -E2BIG
 * where the index is full. */
int symbol_index_add(struct symbol_index *index, uint64_t low, uint64_t high, uint64_t value);
/* Sorts the ranges: call it after the last symbol_index_add() and before the first find. */
void symbol_index_seal(struct symbol_index *index);
/* Returns, of the ranges that contain the address, the one that begins nearest before it; of
 * several that begin there, the one with the lowest value. NULL if there is none. Valid until the
 * index changes. */
const struct symbol_range *symbol_index_find(const struct symbol_index *index, uint64_t address);
/* Frees the ranges; the index is empty then. */
void symbol_index_clear(struct symbol_index *index);

#endif
