/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TARGETS_H
#define TCPWATCH_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/options.h"

/* The processes of -p (and with -f their children) while they live, each by a pidfd in an epoll
 * set. */
struct targets {
	int epoll_fd;
	size_t alive;
};

/* PID_MAX_LIMIT: no Linux system has a higher pid. */
#define PID_MAX 4194304

/* Long enough for targets_describe(). */
#define TARGETS_TEXT_LEN 96

/* Sets *process to the one that a thread (or process) of this id belongs to. Returns 0, -ESRCH if
 * there is none, or another negative errno. */
int targets_process_of(uint32_t thread, uint32_t *process);

/* Adds one process to the epoll set. Returns 0, or -ESRCH if it has ended. */
int targets_add(struct targets *targets, uint32_t tgid);

/* Is this epoll data of a process's end? Then forgets it and sets *tgid. */
bool targets_ended(struct targets *targets, uint64_t epoll_data, uint32_t *tgid);

/* What is watched, for people: "nginx[812] and 2 more"; NULL where that is every process. */
const char *targets_describe(const struct options *options, char text[TARGETS_TEXT_LEN]);

#endif
