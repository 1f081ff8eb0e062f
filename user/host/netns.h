/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_H
#define TCPWATCH_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A network namespace, and a process in it. */
struct netns {
	uint32_t inode; /* of /proc/PID/ns/net */
	uint32_t pid;
};

/* All zero is an empty one. */
struct netns_list {
	struct netns *items;
	size_t count;
};

/* Adds the network namespaces of all visible processes that are not in the list yet. Returns 0 or a
 * negative errno; the list has those found so far then. */
int netns_list_read(struct netns_list *list);

/* Adds a copy. Returns 0 or -ENOMEM; the list is untouched then. */
int netns_list_add(struct netns_list *list, const struct netns *netns);
bool netns_list_has(const struct netns_list *list, uint32_t inode);
/* Frees the items; the list is empty then. */
void netns_list_clear(struct netns_list *list);

/* Opens the network namespace that tcpwatch is in. Returns a descriptor, which the caller closes,
 * or a negative errno. */
int netns_home(void);

/*
 * Calls inside() in the network namespace of a process, then returns to home_fd, from netns_home().
 * Needs CAP_SYS_ADMIN. Returns 0, or a negative errno without having called inside(). Ends the
 * program where it cannot return.
 */
int netns_enter(int home_fd, uint32_t pid, void (*inside)(void *context), void *context);

#endif
