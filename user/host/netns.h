/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_H
#define TCPWATCH_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A network namespace, and a process in it. */
struct netns {
	uint32_t inode; /* of /proc/PID/ns/net */
	uint32_t pid;	/* with `thread`: of a thread */
	bool thread;	/* that is not the first of its process */
};

/* All zero is an empty one. */
struct netns_list {
	struct netns *items;
	size_t count;
};

/* Adds a copy. Returns 0 or -ENOMEM; the list is untouched then. */
int netns_list_add(struct netns_list *list, const struct netns *netns);
/* Adds a copy unless the namespace is there. A process replaces a thread, since only Linux 6.9 and
 * newer enter the namespace of a thread. Returns 0 or -ENOMEM. */
int netns_list_learn(struct netns_list *list, const struct netns *netns);
bool netns_list_has(const struct netns_list *list, uint32_t inode);
/* Frees the items; the list is empty then. */
void netns_list_clear(struct netns_list *list);

/* Opens the network namespace that tcpwatch is in. Returns a descriptor, which the caller closes,
 * or a negative errno. */
int netns_home(void);

/*
 * Calls inside() in a network namespace, then returns to home_fd, from netns_home(). It goes in by
 * the process's pidfd, which no execve() of that process can delay: validate_nsset() in
 * kernel/nsproxy.c does not take its exec_update_lock, as opening /proc/PID/ns/net does.
 *
 * Needs CAP_SYS_ADMIN. Returns 0, or a negative errno without having called inside(): -ESRCH where
 * the process has ended or is in another namespace by now, -EINVAL where the kernel has no pidfd of
 * threads. Ends the program where it cannot return.
 */
int netns_enter(int home_fd, const struct netns *netns, void (*inside)(void *context),
		void *context);

#endif
