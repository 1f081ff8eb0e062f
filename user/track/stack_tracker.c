// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/stack_tracker.h"

#include <errno.h>

#include "track/passive_open.h"

int stack_tracker_init(struct stack_tracker *stacks, struct tracker *tracker,
		       struct call_sites *sites)
{
	*stacks = (struct stack_tracker){
		.tracker = tracker, .sites = sites, .table = stack_table_new()};
	return stacks->table ? 0 : -ENOMEM;
}

void stack_tracker_free(struct stack_tracker *stacks)
{
	stack_table_free(stacks->table);
	stacks->table = NULL;
}

static void keep(struct stack_tracker *stacks, struct tcp_socket *socket,
		 const struct event_stack *e)
{
	bool is_new;

	socket->stack = stack_table_add(stacks->table, e, &is_new);
	if (is_new && stacks->sites)
		stacks->sites->ops->taken(stacks->sites, socket->stack, e);
}

void stack_event(struct stack_tracker *stacks, const struct event_stack *e)
{
	struct tracker *tracker = stacks->tracker;
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);
	const struct process *process;

	stacks->taken++;
	if (!socket) /* it does not match the filter, it has ended, or its record was lost */
		return;
	process = process_table_get(tracker->processes, &e->task);
	if (process && process->watched)
		keep(stacks, socket, e);
	if (e->how == STACK_ACCEPT)
		passive_accepted_by(tracker, socket, &e->task);
}

void stack_forked(const struct stack_tracker *stacks, const struct event_fork *e)
{
	if (stacks->sites)
		stacks->sites->ops->forked(stacks->sites, e);
}
