/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_HOLDERS_H
#define TCPWATCH_LEAK_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "model/leak_kind.h"
#include "model/scan_result.h"
#include "track/tracker.h"

/* A process and the descriptor by which it holds a socket. */
struct leak_holder {
	struct process *process;
	uint32_t fd;
	uint32_t tid; /* the thread, if its descriptors are its own (unshare(CLONE_FILES)); or 0 */
};

/* The holders that could close a socket, oldest process first. All zero is an empty list. */
struct leak_holders {
	struct leak_holder *items;
	size_t count;
	size_t capacity;
};

/*
 * Replaces *holders with those that the scan found for the socket, or for its listener if the
 * socket was not accepted. Also learns the socket's owner from them. Without memory the list is
 * short.
 */
void leak_holders_find(struct leak_holders *holders, struct tracker *tracker,
		       const struct scan_result *result, struct tcp_socket *socket,
		       enum leak_kind kind);

/*
 * The process to report: a watched holder, preferably the known owner, else the oldest. If there is
 * no holder (the socket is sent between processes, or belongs to an io_uring), the owner, if it is
 * watched. NULL if there is none.
 */
struct process *leak_holders_choose(const struct leak_holders *holders,
				    const struct tcp_socket *socket);

/* Frees the memory of the list and leaves it empty. */
void leak_holders_clear(struct leak_holders *holders);

#endif
