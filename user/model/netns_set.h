/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_SET_H
#define TCPWATCH_NETNS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETNS_SET_LIMIT 512

/* Some network namespaces, by their inode numbers. Empty where `all` and `count` are 0. */
struct netns_set {
	bool all; /* every one: there were too many for the list */
	size_t count;
	uint32_t items[NETNS_SET_LIMIT]; /* in ascending order */
};

void netns_set_clear(struct netns_set *set);
void netns_set_add(struct netns_set *set, uint32_t netns);
void netns_set_add_set(struct netns_set *set, const struct netns_set *other);
bool netns_set_has(const struct netns_set *set, uint32_t netns);

/* The place in an ascending list where this number is, or belongs. */
size_t netns_place(const uint32_t *list, size_t count, uint32_t netns);

static inline bool netns_set_empty(const struct netns_set *set)
{
	return !set->all && !set->count;
}

#endif
