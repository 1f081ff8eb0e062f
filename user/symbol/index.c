// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/index.h"

#include <errno.h>
#include <stdlib.h>

/* How many ranges may begin between the address and the range that contains it: functions may lie
 * within others. */
#define NESTED_MAX 64

int symbol_index_add(struct symbol_index *index, uint64_t low, uint64_t high, uint64_t value)
{
	if (index->count == SYMBOL_INDEX_MAX)
		return -E2BIG;
	if (index->count == index->room) {
		size_t room = index->room ? index->room * 2 : 64;
		void *ranges = realloc(index->ranges, room * sizeof(*index->ranges));

		if (!ranges)
			return -ENOMEM;
		index->ranges = ranges;
		index->room = room;
	}
	index->ranges[index->count++] = (struct symbol_range){low, high < low ? low : high, value};
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol_range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

void symbol_index_seal(struct symbol_index *index)
{
	uint64_t next = UINT64_MAX;

	if (!index->count)
		return;
	qsort(index->ranges, index->count, sizeof(*index->ranges), by_address);
	for (size_t i = index->count; i-- > 0;) {
		struct symbol_range *range = &index->ranges[i];

		if (i + 1 < index->count && index->ranges[i + 1].low > range->low)
			next = index->ranges[i + 1].low;
		if (range->high == range->low)
			range->high = next == UINT64_MAX ? range->low + 1 : next;
	}
}

const struct symbol_range *symbol_index_find(const struct symbol_index *index, uint64_t address)
{
	const struct symbol_range *found = NULL;
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->ranges[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low, seen = 0; i-- > 0 && seen < NESTED_MAX; seen++) {
		const struct symbol_range *range = &index->ranges[i];

		if (found && range->low != found->low)
			break;
		if (address < range->high)
			found = range;
	}
	return found;
}

void symbol_index_clear(struct symbol_index *index)
{
	free(index->ranges);
	*index = (struct symbol_index){0};
}
