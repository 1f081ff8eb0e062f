/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_HOLDERS_H
#define TCPWATCH_LEAK_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "model/leak_kind.h"
#include "model/scan_result.h"
#include "track/tracker.h"

struct leak_holder {
	struct process *process;
	uint32_t fd;
};

/* Who could close a socket, oldest process first. All zero is nobody. */
struct leak_holders {
	struct leak_holder *items;
	size_t count;
	size_t capacity;
};

/*
 * Finds in the scan who holds the socket, or for an unaccepted one who holds its listener; replaces
 * what was there. The socket's owner is learned from it on the way.
 */
void leak_holders_find(struct leak_holders *holders, struct tracker *tracker,
		       const struct scan_result *result, struct tcp_socket *socket,
		       enum leak_kind kind);

/*
 * The process to name: a watched holder, the known owner before the oldest. Without any holder (in
 * flight between processes, or in an io_uring) the owner, if he is watched. NULL if there is none.
 */
struct process *leak_holders_choose(const struct leak_holders *holders,
				    const struct tcp_socket *socket);

/* Frees what it holds and empties it. */
void leak_holders_clear(struct leak_holders *holders);

#endif
