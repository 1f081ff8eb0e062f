/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_LIST_H
#define TCPWATCH_NETNS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A network namespace, and a process in it. */
struct netns {
	uint32_t inode;
	uint32_t pid;
};

/* All zero is an empty one. */
struct netns_list {
	struct netns *items;
	size_t count;
};

/* Adds the network namespaces of all visible processes, each once. Returns 0 or a negative errno.
 */
int netns_list_read(struct netns_list *list);

int netns_list_add(struct netns_list *list, const struct netns *netns);
bool netns_list_has(const struct netns_list *list, uint32_t inode);
void netns_list_clear(struct netns_list *list);

#endif
