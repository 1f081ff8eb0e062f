// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/netns_set.h"

#include <string.h>

void netns_set_clear(struct netns_set *set)
{
	set->all = false;
	set->count = 0;
}

size_t netns_place(const uint32_t *list, size_t count, uint32_t netns)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle] < netns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void netns_set_add(struct netns_set *set, uint32_t netns)
{
	size_t place;

	if (netns_set_has(set, netns))
		return;
	if (set->count == NETNS_SET_LIMIT) {
		set->all = true;
		return;
	}
	place = netns_place(set->items, set->count, netns);
	memmove(&set->items[place + 1], &set->items[place],
		(set->count - place) * sizeof(*set->items));
	set->items[place] = netns;
	set->count++;
}

void netns_set_add_set(struct netns_set *set, const struct netns_set *other)
{
	set->all |= other->all;
	for (size_t i = 0; i < other->count; i++)
		netns_set_add(set, other->items[i]);
}

bool netns_set_has(const struct netns_set *set, uint32_t netns)
{
	size_t place;

	if (set->all)
		return true;
	place = netns_place(set->items, set->count, netns);
	return place < set->count && set->items[place] == netns;
}
