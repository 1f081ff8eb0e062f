// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/ring_set.h"

#include <errno.h>
#include <stdlib.h>

/* The kernel writes a record in less than a microsecond, unless something interrupts it. So many
 * looks take a little longer. */
#define LOOKS_AT_BUSY 200

struct ring {
	struct ring_reader *reader;
	unsigned long end; /* as ring_set_look() has seen it */
	uint64_t head_ns;  /* of its next record, if it is in the heap */
};

struct ring_set {
	struct ring *rings;
	size_t *heap; /* of rings that have a record before their end: the oldest one is first */
	size_t count, in_heap;
	bool blocked; /* the next record of a ring is still written */
};

struct ring_set *ring_set_new(void)
{
	return calloc(1, sizeof(struct ring_set));
}

void ring_set_free(struct ring_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		ring_reader_free(set->rings[i].reader);
	free(set->rings);
	free(set->heap);
	free(set);
}

int ring_set_add(struct ring_set *set, int fd, size_t size)
{
	struct ring *rings = realloc(set->rings, (set->count + 1) * sizeof(*rings));
	size_t *heap;
	int err;

	if (!rings)
		return -ENOMEM;
	set->rings = rings;
	heap = realloc(set->heap, (set->count + 1) * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	set->heap = heap;
	rings[set->count] = (struct ring){0};
	err = ring_reader_new(&rings[set->count].reader, fd, size);
	if (!err)
		set->count++;
	return err;
}

static bool is_before(const struct ring_set *set, size_t a, size_t b)
{
	const struct ring *rings = set->rings;

	if (rings[a].head_ns != rings[b].head_ns)
		return rings[a].head_ns < rings[b].head_ns;
	return a < b;
}

/* Puts a ring into the heap at the place, or below it. */
static void sift_down(struct ring_set *set, size_t place, size_t ring)
{
	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= set->in_heap)
			break;
		if (child + 1 < set->in_heap &&
		    is_before(set, set->heap[child + 1], set->heap[child]))
			child++;
		if (is_before(set, ring, set->heap[child]))
			break;
		set->heap[place] = set->heap[child];
		place = child;
	}
	set->heap[place] = ring;
}

/* Returns whether the ring has a record to be taken. */
static bool look_at(struct ring_set *set, struct ring *ring)
{
	enum ring_head head = ring_reader_head(ring->reader, ring->end, &ring->head_ns);

	for (int i = 0; head == RING_BUSY && i < LOOKS_AT_BUSY; i++)
		head = ring_reader_head(ring->reader, ring->end, &ring->head_ns);
	set->blocked |= head == RING_BUSY;
	return head == RING_RECORD;
}

void ring_set_look(struct ring_set *set)
{
	/* All ends are read at once: a record that comes while others are looked at is not needed.
	 */
	for (size_t i = 0; i < set->count; i++)
		set->rings[i].end = ring_reader_written(set->rings[i].reader);
	set->in_heap = 0;
	set->blocked = false;
	for (size_t i = 0; i < set->count; i++)
		if (look_at(set, &set->rings[i]))
			set->heap[set->in_heap++] = i;
	for (size_t place = set->in_heap / 2; place-- > 0;)
		sift_down(set, place, set->heap[place]);
}

bool ring_set_take(struct ring_set *set, uint64_t before_ns, size_t most, ring_sink sink,
		   void *context)
{
	while (!set->blocked && set->in_heap) {
		size_t oldest = set->heap[0];
		struct ring *ring = &set->rings[oldest];

		if (ring->head_ns >= before_ns)
			return false;
		if (!most--)
			return true;
		ring_reader_take(ring->reader, sink, context);
		if (!look_at(set, ring))
			oldest = set->heap[--set->in_heap];
		if (set->in_heap)
			sift_down(set, 0, oldest);
	}
	return false;
}

bool ring_set_is_empty(const struct ring_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (!ring_reader_is_empty(set->rings[i].reader))
			return false;
	return true;
}

void ring_set_release(struct ring_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		ring_reader_release(set->rings[i].reader);
}
