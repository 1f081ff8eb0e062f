// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/deadline_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int deadline_heap_push(struct deadline_heap *heap, uint64_t at_ns, uint64_t cookie)
{
	size_t i = heap->count;

	if (heap->count == heap->capacity) {
		size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
		struct deadline *items = realloc(heap->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		heap->items = items;
		heap->capacity = capacity;
	}
	heap->count++;
	for (; i && heap->items[(i - 1) / 2].at_ns > at_ns; i = (i - 1) / 2)
		heap->items[i] = heap->items[(i - 1) / 2];
	heap->items[i] = (struct deadline){.at_ns = at_ns, .cookie = cookie};
	return 0;
}

uint64_t deadline_heap_first(const struct deadline_heap *heap)
{
	return heap->count ? heap->items[0].at_ns : UINT64_MAX;
}

uint64_t deadline_heap_pop(struct deadline_heap *heap)
{
	uint64_t cookie = heap->items[0].cookie;
	struct deadline last = heap->items[--heap->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->items[child + 1].at_ns < heap->items[child].at_ns)
			child++;
		if (heap->items[child].at_ns >= last.at_ns)
			break;
		heap->items[i] = heap->items[child];
		i = child;
	}
	if (heap->count)
		heap->items[i] = last;
	else
		deadline_heap_free(heap); /* it may have held a million */
	return cookie;
}

void deadline_heap_free(struct deadline_heap *heap)
{
	free(heap->items);
	memset(heap, 0, sizeof(*heap));
}
