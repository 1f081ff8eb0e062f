/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STACK_TRACKER_H
#define TCPWATCH_STACK_TRACKER_H

#include <stdint.h>

#include "symbol/call_site.h"
#include "event.h"
#include "symbol/stack_table.h"
#include "track/tracker.h"

/* Where each socket was created (-s): the stacks of the processes. */
struct stack_tracker {
	struct tracker *tracker;  /* stays the caller's */
	struct call_sites *sites; /* stays the caller's; NULL = no names are looked up */
	struct stack_table *table;
	uint64_t taken; /* number of records */
};

/* Returns 0 or -ENOMEM; the caller calls stack_tracker_free() in both cases. */
int stack_tracker_init(struct stack_tracker *stacks, struct tracker *tracker,
		       struct call_sites *sites);
void stack_tracker_free(struct stack_tracker *stacks);

/*
 * Handles one checked record of a stack: keeps it for its socket, if the socket is known and the
 * process is watched, and makes the process that accepted the socket its owner.
 */
void stack_event(struct stack_tracker *stacks, const struct event_stack *e);

/* How many times a socket got no site because a table was full. */
uint64_t stack_tracker_refused(const struct stack_tracker *stacks);

/* Handles one checked record of a fork. */
void stack_forked(const struct stack_tracker *stacks, const struct event_fork *e);

#endif
