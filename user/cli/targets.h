/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TARGETS_H
#define TCPWATCH_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/options.h"

/* The processes of -p, and with -f their children, while they live: one pidfd each in an epoll
 * set. */
struct targets {
	int epoll_fd; /* owned by the caller */
	size_t alive;
};

/* PID_MAX_LIMIT: no Linux system has a higher pid. */
#define PID_MAX 4194304

/* Long enough for targets_describe(). */
#define TARGETS_TEXT_LEN 256

/* Sets *process to the process of the thread with this id. Returns 0, -ESRCH if there is no such
 * thread, or another negative errno. */
int targets_process_of(uint32_t thread, uint32_t *process);

/* Adds a process to the epoll set. Returns 0, -ESRCH if it has ended, or another negative errno. */
int targets_add(struct targets *targets, uint32_t tgid);

/* Whether the epoll data is that of a process that has ended. Then closes its pidfd, sets *tgid. */
bool targets_ended(struct targets *targets, uint64_t epoll_data, uint32_t *tgid);

/* Describes what is watched: "nginx[812], node[815]"; the first few by name, then how many more.
 * Processes that are not of this host have no names. Names may have any bytes. Returns text, or
 * NULL for every process. */
const char *targets_describe(const struct options *options, bool of_this_host,
			     char text[TARGETS_TEXT_LEN]);

/* The network namespace that all these processes are in; for other options or processes that of
 * tcpwatch. 0 if it cannot be found out. */
uint32_t targets_netns(const struct options *options);

#endif
