/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_H
#define TCPWATCH_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A network namespace, and ways into it. */
struct netns {
	uint32_t inode; /* of /proc/PID/ns/net */
	uint32_t pid;	/* of a process in it; with `thread`: of a thread; 0: none is known */
	bool thread;	/* that is not the first of its process */
	uint64_t id;	/* struct event_namespace; 0: not known */
};

/* All zero is an empty one. */
struct netns_list {
	struct netns *items;
	size_t count;
	bool complete; /* it has all that there were when it was begun */
};

/* Adds a copy. Returns 0 or -ENOMEM; the list is untouched then. */
int netns_list_add(struct netns_list *list, const struct netns *netns);
/* Adds a copy unless the namespace is there; then adds what was not known of it. A process replaces
 * a thread, since only Linux 6.9 and newer have pidfds of threads. Returns 0 or -ENOMEM. */
int netns_list_learn(struct netns_list *list, const struct netns *netns);
bool netns_list_has(const struct netns_list *list, uint32_t inode);
/* Frees the items; the list is empty then. */
void netns_list_clear(struct netns_list *list);

/* Opens the network namespace that tcpwatch is in. Returns a descriptor, which the caller closes,
 * or a negative errno. */
int netns_home(void);

/* Whether file handles of namespaces, by which one is entered without a process, can be opened:
 * from Linux 6.18 on, unless seccomp forbids open_by_handle_at(). */
bool netns_has_handles(void);

/*
 * Calls inside() in a network namespace, then returns to home_fd, from netns_home(). No other
 * process can delay it. It tries
 *
 * - the namespace's id, by a file handle (fs/nsfs.c, from Linux 6.18 on);
 * - the pidfd of the process, or of the thread (from 6.9 on): validate_nsset() in kernel/nsproxy.c
 *   does not take its exec_update_lock, as opening /proc/PID/ns/net does;
 * - the latter all the same for other threads, by host/asker.h;
 * - without a process, the place where the namespace is mounted (netns_mount.h).
 *
 * Needs CAP_SYS_ADMIN. Returns 0, or a negative errno without having called inside(): -ESRCH where
 * the process has ended or is in another namespace by now, or no way leads there. Ends the program
 * where it cannot return.
 */
int netns_enter(int home_fd, const struct netns *netns, void (*inside)(void *context),
		void *context);

#endif
