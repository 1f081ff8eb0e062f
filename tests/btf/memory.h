/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_MEMORY_H
#define TCPWATCH_BTF_MEMORY_H

/* Allocation for a tool that can do nothing without. */

#include <err.h>
#include <stddef.h>
#include <stdlib.h>

static inline void *must(void *memory)
{
	if (!memory)
		err(2, "out of memory");
	return memory;
}

static inline void *zalloc(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size));
}

/* One more element for a list that has count of them. */
static inline void *list_grow(void *list, size_t count, size_t size)
{
	return must(reallocarray(list, count + 1, size));
}

#endif
