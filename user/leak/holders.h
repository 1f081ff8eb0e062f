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

/* The most holders that are named. */
#define LEAK_HOLDERS_NAMED 16

/* The holders that could close a socket. All zero is none. */
struct leak_holders {
	struct leak_holder items[LEAK_HOLDERS_NAMED]; /* oldest process first; where there are more,
							 `process` is one of them all the same */
	size_t count;				      /* of `items` */
	size_t total;				      /* of all holders */
	/*
	 * The process to report: a watched holder, preferably the known owner, else the oldest. If
	 * there is no holder (the socket is sent between processes, or belongs to an io_uring), the
	 * known owner, if it is watched. NULL if there is none.
	 */
	struct process *process;
	uint64_t listener; /* the cookie of the listener that is held; 0: the socket itself, or not
			      known */
	struct flow listener_flow; /* where it listens */
};

/*
 * Replaces *holders with those that the scan found of this socket, or, if it was not accepted, of
 * the listener in whose queue it waits. Also learns the socket's owner from them. There are none
 * where the listener cannot be told. If *holders has those of the same listener already, from the
 * same scan, they stay.
 */
void leak_holders_find(struct leak_holders *holders, struct tracker *tracker,
		       const struct scan_result *result, struct tcp_socket *socket,
		       enum leak_kind kind);

/* Replaces *holders with those of this listener. */
void leak_holders_of_listener(struct leak_holders *holders, struct tracker *tracker,
			      const struct scan_result *result, uint64_t listener);

#endif
