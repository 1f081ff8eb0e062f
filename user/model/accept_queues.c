// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/accept_queues.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int accept_queues_add(struct accept_queues *queues, uint64_t listener, uint64_t connection)
{
	if (queues->count == queues->capacity) {
		size_t capacity = queues->capacity ? queues->capacity * 2 : 64;
		struct queued *items = reallocarray(queues->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		queues->items = items;
		queues->capacity = capacity;
	}
	queues->items[queues->count++] =
		(struct queued){.connection = connection, .listener = listener};
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_listeners(const void *a, const void *b)
{
	const struct queued *x = a, *y = b;
	int order = compare(x->listener, y->listener);

	return order ? order : compare(x->connection, y->connection);
}

static int compare_connections(const void *a, const void *b)
{
	const struct queued *x = a, *y = b;

	return compare(x->connection, y->connection);
}

int accept_queues_finish(struct accept_queues *queues)
{
	size_t kept = 0;
	struct queued *items;

	if (!queues->count)
		return 0;
	qsort(queues->items, queues->count, sizeof(*queues->items), compare_listeners);
	/* The kernel's iterators may return a listener twice. */
	for (size_t i = 0; i < queues->count; i++)
		if (!kept || compare_listeners(&queues->items[kept - 1], &queues->items[i]))
			queues->items[kept++] = queues->items[i];
	items = reallocarray(queues->items, 2 * kept, sizeof(*items));
	if (!items)
		return -ENOMEM;
	queues->items = items;
	queues->capacity = 2 * kept;
	queues->count = kept;
	queues->by_connection = items + kept;
	memcpy(queues->by_connection, items, kept * sizeof(*items));
	qsort(queues->by_connection, kept, sizeof(*items), compare_connections);
	return 0;
}

uint64_t accept_queues_find(const struct accept_queues *queues, uint64_t connection)
{
	const struct queued key = {.connection = connection};
	const struct queued *found = NULL;

	if (queues->by_connection)
		found = bsearch(&key, queues->by_connection, queues->count, sizeof(key),
				compare_connections);
	return found ? found->listener : 0;
}

/* The number of items before those of this listener, `through`: up to them. */
static size_t count_to(const struct accept_queues *queues, uint64_t listener, bool through)
{
	size_t low = 0, high = queues->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (queues->items[middle].listener < listener ||
		    (through && queues->items[middle].listener == listener))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t accept_queues_of(const struct accept_queues *queues, uint64_t listener,
			const struct queued **first)
{
	size_t before = count_to(queues, listener, false);

	*first = queues->items ? queues->items + before : NULL;
	return count_to(queues, listener, true) - before;
}

size_t accept_queues_length(const struct accept_queues *queues, uint64_t listener)
{
	const struct queued *first;

	return accept_queues_of(queues, listener, &first);
}

void accept_queues_clear(struct accept_queues *queues)
{
	free(queues->items);
	memset(queues, 0, sizeof(*queues));
}
