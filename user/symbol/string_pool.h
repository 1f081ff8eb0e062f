/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STRING_POOL_H
#define TCPWATCH_STRING_POOL_H

#include <stddef.h>

/* The most bytes that a pool takes. When it is full, it keeps no new strings. */
#define STRING_POOL_MAX (16U << 20)
/* The most bytes of frames that have their strings there. */
#define STRING_POOL_FRAMES_MAX (64U << 20)

/*
 * Strings, each of them kept once, as long as it has a use. A zeroed pool is an empty one. It is
 * not a part of symbol/stack.h since all stacks of a symbolizer share one pool.
 */
struct string_pool {
	struct string_pool_entry *entries; /* a hash table */
	size_t bytes;
	size_t frame_bytes; /* call_frames_new() */
};

/*
 * Counts one use more of the text, and returns the pool's copy, which is valid until the last use
 * is dropped. Returns NULL for "", where the pool is full, and without memory.
 */
const char *string_pool_keep(struct string_pool *pool, const char *text);
/* Takes back one use of what string_pool_keep() returned. NULL is allowed. */
void string_pool_drop(struct string_pool *pool, const char *kept);
/* Frees all strings; the pool is empty then. */
void string_pool_clear(struct string_pool *pool);

#endif
