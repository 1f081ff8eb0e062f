/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_DEADLINE_HEAP_H
#define TCPWATCH_DEADLINE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct deadline {
	uint64_t at_ns; /* any clock; the same for all of a heap */
	uint64_t cookie;
};

/* A binary heap of sockets, by the time when each must be checked. A zeroed heap is an empty
 * one. */
struct deadline_heap {
	struct deadline *items;
	size_t count;
	size_t capacity;
};

/* Adds an entry; a socket may have several. Returns 0, or -ENOMEM with the heap untouched. */
int deadline_heap_push(struct deadline_heap *heap, uint64_t at_ns, uint64_t cookie);

/* Returns the earliest time; UINT64_MAX if the heap is empty. */
uint64_t deadline_heap_first(const struct deadline_heap *heap);

/* Removes the earliest entry, and returns its cookie. The heap must not be empty. */
uint64_t deadline_heap_pop(struct deadline_heap *heap);

/* Frees the entries; the heap is empty then. */
void deadline_heap_free(struct deadline_heap *heap);

#endif
