// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/holders.h"

#include <string.h>

#include "track/owner.h"

/* Which of two watched holders to report: the known owner, else the older one. */
static bool is_better(const struct process *process, const struct process *than,
		      const struct process *owner)
{
	if (!than || process == owner)
		return true;
	return than != owner && owner_is_activator(than) && !owner_is_activator(process);
}

static void add(struct leak_holders *holders, struct process *process,
		const struct event_scan *record, const struct process *owner)
{
	const struct leak_holder holder = {
		.process = process,
		.fd = record->fd,
		.tid = record->task.tid,
	};
	bool reported = process->watched && is_better(process, holders->process, owner);

	holders->total++;
	if (holders->count < LEAK_HOLDERS_NAMED)
		holders->items[holders->count++] = holder;
	else if (reported && process != holders->process)
		holders->items[LEAK_HOLDERS_NAMED - 1] = holder;
	if (reported)
		holders->process = process;
}

/* The records of a socket are sorted by the age of the holder. */
static void add_all(struct leak_holders *holders, struct tracker *tracker,
		    const struct scan_result *result, uint64_t cookie, struct tcp_socket *socket)
{
	const struct event_scan *records = NULL;
	size_t count = scan_result_find(result, cookie, &records);
	struct process *owner;

	while (count && records[count - 1].header.kind != EVENT_SCAN_FD)
		count--;
	if (socket)
		owner_learn_scanned(socket, tracker->processes, records, count);
	owner = socket ? socket->owner : NULL;
	for (size_t i = 0; i < count; i++) {
		struct process *process = process_table_get(tracker->processes, &records[i].task);

		if (process)
			add(holders, process, &records[i], owner);
	}
	if (!holders->total && owner && owner->watched)
		holders->process = owner;
}

void leak_holders_of_listener(struct leak_holders *holders, struct tracker *tracker,
			      const struct scan_result *result, uint64_t listener)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, listener);
	const struct event_scan *record;

	*holders = (struct leak_holders){.listener = listener};
	if (scan_result_find(result, listener, &record))
		flow_read(&holders->listener_flow, &record->flow, record->header.netns);
	add_all(holders, tracker, result, listener, socket);
}

static void find_of_unaccepted(struct leak_holders *holders, struct tracker *tracker,
			       const struct scan_result *result, struct tcp_socket *socket)
{
	const struct event_scan *record, *listener = NULL;
	const struct tcp_socket *known;

	if (scan_result_find(result, socket->cookie, &record))
		listener = scan_result_listener(result, record);
	if (!listener)
		*holders = (struct leak_holders){0};
	else if (holders->listener != listener->cookie) /* the last one was of another */
		leak_holders_of_listener(holders, tracker, result, listener->cookie);
	known = listener ? socket_table_find(tracker->sockets, listener->cookie) : NULL;
	owner_learn_queue(socket, known && known->owner ? known->owner : holders->process);
}

void leak_holders_find(struct leak_holders *holders, struct tracker *tracker,
		       const struct scan_result *result, struct tcp_socket *socket,
		       enum leak_kind kind)
{
	if (kind == LEAK_UNACCEPTED) {
		find_of_unaccepted(holders, tracker, result, socket);
		return;
	}
	*holders = (struct leak_holders){0};
	add_all(holders, tracker, result, socket->cookie, socket);
}
