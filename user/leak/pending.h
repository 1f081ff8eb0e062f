/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_PENDING_H
#define TCPWATCH_LEAK_PENDING_H

#include "leak/leak.h"

/* A leak whose socket has ended, and the names of its stack are not there yet. */
struct pending_leak {
	struct leak leak; /* without holders; its flow is `flow` */
	struct flow flow;
	struct process *process; /* held; NULL = nobody known */
	uint32_t stack;
	bool left; /* by its process, at its end */
	struct pending_leak *next;
};

/* First come, first out. All zero is an empty one. */
struct leak_pending {
	struct pending_leak *head;
	struct pending_leak **end;
	size_t count;
};

/* Beyond so many a leak is reported without its stack. */
#define LEAK_PENDING_LIMIT 10000

/* Keeps a copy, of what is asked of the socket as well. Holds on to the process. Returns false if
 * there is no room, or no memory. */
bool leak_pending_add(struct leak_pending *pending, const struct leak *leak,
		      struct process *process, const struct tcp_socket *socket);

/*
 * Gives each to ready(), which says whether it could be reported: then it is taken out and its
 * process let go.
 */
void leak_pending_run(struct leak_pending *pending,
		      bool (*ready)(void *context, struct pending_leak *leak), void *context);

/* Drops them all. Their processes may be gone already. */
void leak_pending_clear(struct leak_pending *pending);

#endif
