// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/stack_tracker.h"

#include <errno.h>

#include "base/journal.h"
#include "track/passive_open.h"

int stack_tracker_init(struct stack_tracker *stacks, struct tracker *tracker,
		       struct call_sites *sites)
{
	*stacks = (struct stack_tracker){
		.tracker = tracker, .sites = sites, .table = stack_table_new()};
	tracker->stacks = stacks->table;
	if (stacks->table)
		stack_table_bound_unused(stacks->table, STACK_TABLE_UNUSED);
	return stacks->table ? 0 : -ENOMEM;
}

void stack_tracker_free(struct stack_tracker *stacks)
{
	if (stacks->tracker)
		stacks->tracker->stacks = NULL;
	stack_table_free(stacks->table);
	stacks->table = NULL;
}

static void keep(struct stack_tracker *stacks, struct tcp_socket *socket,
		 const struct event_stack *e)
{
	struct stack_added added = stack_table_add(stacks->table, e);
	struct call_sites *sites = stacks->sites;

	stack_table_release(stacks->table, socket->stack);
	socket->stack = added.number;
	if (!added.number && stack_table_refused(stacks->table) == 1)
		journal_say(SD_WARNING,
			    "-s: open sockets use %u different stacks, the most that are kept: "
			    "further ones get no site",
			    STACK_TABLE_LIMIT);
	if (added.dropped && sites && sites->ops->dropped)
		sites->ops->dropped(sites, added.dropped);
	if (added.is_new && sites)
		sites->ops->taken(sites, added.number, e);
}

uint64_t stack_tracker_refused(const struct stack_tracker *stacks)
{
	const struct call_sites *sites = stacks->sites;

	return stack_table_refused(stacks->table) +
	       (sites && sites->ops->refused ? sites->ops->refused(sites) : 0);
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
