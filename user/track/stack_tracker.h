/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STACK_TRACKER_H
#define TCPWATCH_STACK_TRACKER_H

#include <stdint.h>

#include "symbol/call_site.h"
#include "event.h"
#include "symbol/stack_table.h"
#include "track/tracker.h"

/* Which socket was made where (-s). */
struct stack_tracker {
	struct tracker *tracker;  /* stays the caller's */
	struct call_sites *sites; /* likewise; NULL = nobody wants names */
	struct stack_table *table;
	uint64_t taken; /* records */
};

/* Returns 0 or -ENOMEM; free with stack_tracker_free() in both cases. */
int stack_tracker_init(struct stack_tracker *stacks, struct tracker *tracker,
		       struct call_sites *sites);
void stack_tracker_free(struct stack_tracker *stacks);

/*
 * Takes in one checked stack: the socket's, if that is known, and who accepted it. Stacks of
 * processes that are not watched are not kept.
 */
void stack_event(struct stack_tracker *stacks, const struct event_stack *e);

/* Takes in one checked birth. */
void stack_forked(const struct stack_tracker *stacks, const struct event_fork *e);

#endif
