// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/reconcile.h"

#include "track/mini_tracker.h"
#include "track/owner.h"
#include "model/tcp_state.h"
#include "base/units.h"

/*
 * The latest time at which a socket can have entered its state. In CLOSE_WAIT the last ACK was
 * received with the FIN or after it, so the time since then is a lower bound of the age: tcp_ack()
 * in net/ipv4/tcp_input.c sets tcp_sock.rcv_tstamp, and one tick is its resolution.
 */
static uint64_t since_at_latest(const struct event_scan *record, uint64_t tick_ns)
{
	uint64_t age;

	if (record->state != TCP_CLOSE_WAIT || !record->last_received_ticks)
		return record->time_ns;
	age = (record->last_received_ticks - 1) * tick_ns;
	return age < record->time_ns ? record->time_ns - age : 0;
}

static struct tcp_socket *add_found(struct tracker *tracker, const struct event_scan *record,
				    const struct flow *flow, uint64_t tick_ns)
{
	struct tcp_socket *socket = tracker_add(tracker, record->cookie, flow, record->state);

	if (!socket)
		return NULL;
	socket->since_ns = since_at_latest(record, tick_ns);
	socket->write_seq = record->write_seq;
	socket->copied_seq = record->copied_seq;
	socket->hidden = filter_hides_flow(tracker->filter, flow);
	if (record->state == TCP_LISTEN)
		socket->role = ROLE_SERVER;
	tracker->hooks.found(tracker->hooks.context, socket);
	return socket;
}

static void take_in(struct tracker *tracker, const struct scan_result *result,
		    const struct event_scan *record)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, record->cookie);
	struct flow flow;

	if (record->state == TCP_CLOSE && !socket) { /* it is closed, or not opened yet */
		tracker->ended_while_held += record->write_seq != 0;
		return;
	}
	flow_read(&flow, &record->flow, record->header.netns);
	if (!filter_has_flow(tracker->filter, &flow))
		return;
	if (!socket)
		socket = add_found(tracker, record, &flow, result->tick_ns);
	if (!socket)
		return;
	if (!socket->flow.local_port && flow.local_port) { /* after listen() without bind() */
		tracker_set_flow(tracker, socket, &flow);
		socket->hidden = filter_hides_flow(tracker->filter, &flow);
	}
	if (socket->role == ROLE_UNKNOWN && record->flow.flags & EVENT_CONNECTED)
		socket->role = ROLE_CLIENT;
	socket->scanned = 1;
	socket->redirected |= !!(record->flow.flags & EVENT_REDIRECTED);
	socket->scan_state = record->state != socket->state ? record->state : 0;
}

/* A connection whose local port has a listener came in by it. The role of other connections whose
 * start is unknown stays unknown. */
static void learn_role(struct tracker *tracker, struct tcp_socket *socket)
{
	struct tcp_socket *listener;
	bool several;

	if (socket->role == ROLE_CLIENT || socket->state == TCP_LISTEN || socket->queued)
		return;
	listener = listener_index_find(tracker->listeners, &socket->flow, &several);
	if (!listener)
		return;
	socket->role = ROLE_SERVER;
	if (!several && !socket->redirected)
		owner_learn(socket, listener->owner, OWNER_LISTENER);
}

void reconcile_listeners(struct tracker *tracker, const struct scan_result *result,
			 bool (*alive)(void *context, uint32_t tgid), void *context)
{
	size_t count;

	for (size_t i = 0; i < result->count; i += count) {
		const struct event_scan *records = &result->records[i];
		struct tcp_socket *socket;

		count = scan_result_group(result, records);
		if (records->state != TCP_LISTEN)
			continue;
		socket = socket_table_find(tracker->sockets, records->cookie);
		if (!socket)
			continue;
		owner_learn_scanned(socket, tracker->processes, records, count);
		if (records->header.kind != EVENT_SCAN_FD && socket->owner &&
		    !alive(context, socket->owner->tgid))
			owner_release(socket);
	}
}

/* Of an unaccepted connection the provisional owner is the process behind the listener in whose
 * queue it was found. */
static void learn_queue(struct tracker *tracker, const struct scan_result *result,
			const struct event_scan *record)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, record->cookie);
	const struct tcp_socket *listener;
	const struct event_scan *found;

	if (!socket || !event_scan_is_unaccepted(record))
		return;
	socket->role = ROLE_SERVER;
	found = scan_result_listener(result, record);
	if (!found) /* it came during the scan, or is too far behind */
		return;
	listener = socket_table_find(tracker->sockets, found->cookie);
	socket->queued = 1;
	owner_learn_queue(socket, listener ? listener->owner : NULL);
}

void reconcile_begin(struct tracker *tracker, const struct scan_result *result)
{
	struct tcp_socket *socket;
	uint32_t position = 0;

	while ((socket = socket_table_next(tracker->sockets, &position))) {
		socket->scanned = 0;
		socket->scan_state = 0;
		socket->queued = 0;
		socket->owner_new = 0;
	}
	mini_scan_begin(tracker, result);
	reconcile_add(tracker, result, 0);
}

void reconcile_add(struct tracker *tracker, const struct scan_result *result, size_t from)
{
	tracker->tick_ns = result->tick_ns;
	for (size_t i = from; i < result->count; i++)
		if (result->records[i].header.kind != EVENT_SCAN_MINI)
			take_in(tracker, result, &result->records[i]);
	mini_scan_add(tracker, result, from);
}

void reconcile_learn(struct tracker *tracker, const struct scan_result *result)
{
	struct tcp_socket *socket;
	uint32_t position = 0;
	size_t count;

	for (size_t i = 0; i < result->count; i += count) {
		const struct event_scan *records = &result->records[i];

		count = scan_result_group(result, records);
		if (records->header.kind != EVENT_SCAN_FD)
			continue;
		socket = socket_table_find(tracker->sockets, records->cookie);
		/* The descriptors of a new owner may have been read before it had this one. */
		if (socket && socket->scanned && !socket->owner_new)
			owner_learn_scanned(socket, tracker->processes, records, count);
	}
	for (size_t i = 0; i < result->count; i += scan_result_group(result, &result->records[i]))
		learn_queue(tracker, result, &result->records[i]);
	position = 0;
	while ((socket = socket_table_next(tracker->sockets, &position)))
		learn_role(tracker, socket);
	mini_scan_learn(tracker, result);
}

/* inet_sk_set_state() and inet_sk_state_store() in net/ipv4/af_inet.c have the tracepoint before
 * they write the state: a scan that is done at the same time still sees the old state. */
#define SETTLED_NS (10 * NS_PER_MS)

/* What the scan saw of the socket at last; NULL: nothing. */
static const struct event_scan *latest_of(const struct scan_result *result, uint64_t cookie)
{
	const struct event_scan *first = NULL, *latest;
	size_t count = scan_result_find(result, cookie, &first);

	latest = first;
	for (size_t i = 1; i < count; i++)
		if (first[i].time_ns > latest->time_ns)
			latest = &first[i];
	return latest;
}

/* The scan saw another state. If no record came since, one was lost. */
static void correct_state(struct tracker *tracker, struct tcp_socket *socket,
			  const struct scan_result *result)
{
	const struct event_scan *record = latest_of(result, socket->cookie);

	if (!record || socket->since_ns + SETTLED_NS >= record->time_ns)
		return;
	tracker->gaps++;
	tracker->hooks.leaving(tracker->hooks.context, socket, 0);
	if (socket->scan_state == TCP_CLOSE) {
		tracker_remove(tracker, socket);
		return;
	}
	tracker_set_state(tracker, socket, socket->scan_state);
	socket->since_known = 0;
	socket->opened = 0;
	socket->since_ns = since_at_latest(record, result->tick_ns);
	socket->write_seq = record->write_seq;
	socket->copied_seq = record->copied_seq;
	tracker->hooks.found(tracker->hooks.context, socket);
}

void reconcile_end(struct tracker *tracker, const struct scan_result *result)
{
	struct tcp_socket *socket;
	uint32_t position = 0;

	mini_scan_end(tracker, result);
	while ((socket = socket_table_next(tracker->sockets, &position))) {
		if (!socket->scanned) {
			if (socket->since_ns >= result->started_ns ||
			    !scan_result_covers(result, socket->flow.netns))
				continue;
			tracker->hooks.leaving(tracker->hooks.context, socket, 0);
			tracker_remove(tracker, socket);
		} else if (socket->scan_state && socket->scan_state != socket->state) {
			correct_state(tracker, socket, result);
		}
	}
}
