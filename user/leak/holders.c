// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/holders.h"

#include <stdlib.h>
#include <string.h>

#include "track/owner.h"

static void add(struct leak_holders *holders, struct tracker *tracker,
		const struct event_scan *record)
{
	struct process *process = process_table_get(tracker->processes, &record->task);

	if (!process)
		return;
	if (holders->count == holders->capacity) {
		size_t capacity = holders->capacity ? holders->capacity * 2 : 16;
		struct leak_holder *items = realloc(holders->items, capacity * sizeof(*items));

		if (!items)
			return;
		holders->items = items;
		holders->capacity = capacity;
	}
	holders->items[holders->count++] =
		(struct leak_holder){.process = process, .fd = record->fd, .tid = record->task.tid};
}

static void add_all(struct leak_holders *holders, struct tracker *tracker,
		    const struct scan_result *result, uint64_t cookie)
{
	const struct event_scan *records = NULL;
	size_t count = scan_result_find(result, cookie, &records);

	for (size_t i = 0; i < count && records[i].header.kind == EVENT_SCAN_FD; i++)
		add(holders, tracker, &records[i]);
}

/* The holders of the listeners that the socket can have come in by. With `waiting`, only of those
 * that have connections in their accept queue: there may be several listeners (SO_REUSEPORT). */
static void add_listeners(struct leak_holders *holders, struct tracker *tracker,
			  const struct scan_result *result, const struct flow *flow, bool waiting)
{
	struct tcp_socket *listener = NULL;

	while ((listener = listener_index_next(tracker->listeners, flow, listener))) {
		const struct event_scan *record;

		if (!scan_result_find(result, listener->cookie, &record))
			continue;
		if (!waiting || record->recv_queue)
			add_all(holders, tracker, result, listener->cookie);
	}
}

static int compare_age(const void *a, const void *b)
{
	const struct leak_holder *x = a, *y = b;

	if (x->process->start_ns != y->process->start_ns)
		return x->process->start_ns < y->process->start_ns ? -1 : 1;
	if (x->process->tgid != y->process->tgid)
		return x->process->tgid < y->process->tgid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void learn_owner(const struct leak_holders *holders, struct tcp_socket *socket)
{
	struct owner_tally tally = {0};

	for (size_t i = 0; i < holders->count; i++)
		owner_tally_add(&tally, socket, holders->items[i].process);
	owner_learn_holders(socket, &tally);
}

void leak_holders_find(struct leak_holders *holders, struct tracker *tracker,
		       const struct scan_result *result, struct tcp_socket *socket,
		       enum leak_kind kind)
{
	holders->count = 0;
	if (kind != LEAK_UNACCEPTED) {
		add_all(holders, tracker, result, socket->cookie);
		learn_owner(holders, socket);
		return;
	}
	add_listeners(holders, tracker, result, &socket->flow, true);
	if (!holders->count)
		add_listeners(holders, tracker, result, &socket->flow, false);
	if (holders->count)
		qsort(holders->items, holders->count, sizeof(*holders->items), compare_age);
}

struct process *leak_holders_choose(const struct leak_holders *holders,
				    const struct tcp_socket *socket)
{
	struct process *chosen = NULL;

	for (size_t i = 0; i < holders->count; i++) {
		struct process *process = holders->items[i].process;

		if (!process->watched)
			continue;
		if (!chosen || process == socket->owner)
			chosen = process;
	}
	if (!holders->count && socket->owner && socket->owner->watched)
		return socket->owner;
	return chosen;
}

void leak_holders_clear(struct leak_holders *holders)
{
	free(holders->items);
	memset(holders, 0, sizeof(*holders));
}
