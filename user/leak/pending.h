/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_PENDING_H
#define TCPWATCH_LEAK_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "leak/leak.h"
#include "symbol/call_site.h"
#include "symbol/stack_table.h"

/* Stacks whose names are looked up, and leaks that wait for them. Times are nanoseconds of
 * CLOCK_MONOTONIC. */

/* How long a leak waits for the names of its stack; then it is reported without them. */
#define LEAK_NAMES_WAIT (2 * NS_PER_S)

struct names_wait;

/* Asks for the names of stacks and knows since when each is waited for. The caller sets ask and
 * context; the rest starts as zero. */
struct leak_names {
	/* call_sites_ops.names() of symbol/call_site.h; NULL if no stacks are taken. */
	const struct call_stack *(*ask)(void *context, uint32_t stack);
	void *context;
	struct names_wait *waits; /* by stack: asked for, and not there yet */
};

/*
 * Returns the names of a stack (0: no stack is known); they stay the property of ask(). NULL: there
 * are none, or, if *wait is set, there are none yet, and the caller asks again later.
 */
const struct call_stack *leak_names_get(struct leak_names *names, uint32_t stack, uint64_t now_ns,
					bool *wait);

/*
 * Whether this stack (0: no stack is known) is one of a client that reads its idle connections: the
 * pool of Go's net/http does (persistConn.readLoop()), and closes what has ended. One that it does
 * not read is not idle, but has a response whose body is not closed. `stacks` may be NULL.
 */
bool leak_names_reads_idle(const struct leak_names *names, const struct stack_table *stacks,
			   uint32_t stack);

/* Whether there is a stack whose names have been waited for less than LEAK_NAMES_WAIT. Asks for the
 * names of all stacks again. */
bool leak_names_outstanding(struct leak_names *names, uint64_t now_ns);

void leak_names_clear(struct leak_names *names);

/* A leak whose socket has ended while the names of its stack were not there. */
struct pending_leak {
	struct leak leak; /* without holders; its flow is `flow` */
	struct flow flow;
	struct process *process; /* kept alive; NULL = not known */
	uint32_t stack;
	bool left; /* the socket was left open by its exiting process */
	struct pending_leak *next;
};

/* A queue of such leaks. All zero is an empty one. */
struct leak_pending {
	struct pending_leak *head;
	struct pending_leak **end;
	size_t count;
};

/* The most leaks that wait; further leaks are reported without their stack. */
#define LEAK_PENDING_LIMIT 10000

/* Adds a copy of the leak and of what its report needs of the socket, and keeps the process alive.
 * Returns false if the queue is full, or without memory. */
bool leak_pending_add(struct leak_pending *pending, const struct leak *leak,
		      struct process *process, const struct tcp_socket *socket);

/*
 * Calls ready() for each leak, oldest first. Those for which it returns true have been reported:
 * they are removed, and their processes released.
 */
void leak_pending_run(struct leak_pending *pending,
		      bool (*ready)(void *context, struct pending_leak *leak), void *context);

/* Removes all leaks without a report. Does not touch their processes, which may have been freed. */
void leak_pending_clear(struct leak_pending *pending);

#endif
