// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/watch.h"

#include <stdlib.h>

#include "leak/internal.h"
#include "leak/judge.h"
#include "base/units.h"

void leak_watch_add_missing(struct leak_watch *watch, const struct scan_result *result,
			    struct netns_set *netns)
{
	for (size_t i = 0; i < watch->due_count; i++) {
		const struct tcp_socket *socket = leak_watch_waiting(watch, watch->due[i]);
		const struct event_scan *record;

		if (socket && !scan_result_find(result, socket->cookie, &record))
			netns_set_add(netns, socket->flow.netns);
	}
}

/*
 * A socket of the kernel itself. A child of an MPTCP listener that fell back to TCP is none: it
 * inherits the flag from the listener and keeps it until accept(), and then it has a descriptor.
 */
static bool is_kernels(const struct event_scan *record)
{
	return record->header.kind == EVENT_SCAN_SOCKET && record->flow.flags & EVENT_KERN_SOCK &&
	       record->flow.flags & EVENT_SK_SOCKET;
}

/* Whether it may be idle in its process's pool. Then adds it, if there is one process to name. */
static bool add_idle(struct leak_watch *watch, struct tcp_socket *socket,
		     const struct event_scan *record, struct process *process,
		     struct idle_connection **connection)
{
	*connection = NULL;
	if (!leak_idle_is_client(watch->tracker, socket, record) ||
	    !leak_watch_may_be_idle(watch, socket) || !leak_looks_idle(socket, record))
		return false;
	if (process)
		*connection = leak_idle_add(watch->idle, socket, process, NULL);
	return true;
}

static void judge_one(struct leak_watch *watch, struct tcp_socket *socket,
		      const struct event_scan *record, const struct scan_result *result,
		      uint64_t now_ns)
{
	struct leak_verdict verdict =
		leak_judge(socket, record, result->tick_ns, watch->threshold_ns);
	struct idle_connection *connection;
	bool idle;
	struct leak leak = {
		.time_ns = now_ns,
		.cookie = socket->cookie,
		.age_ns = leak_age(socket, now_ns),
		.age_at_least = !socket->since_known,
		.flow = &socket->flow,
		.kind = verdict.kind,
		.end_read = !record->recv_queue,
		.recv_queue = record->recv_queue,
		.send_queue = record->send_queue,
		.sent = leak_sent_since(socket, record, result->tick_ns),
		.sent_ago_ns = record->last_sent_ticks * result->tick_ns,
	};
	struct process *process;

	if (!verdict.leaked) {
		deadline_heap_push(&watch->irregular, now_ns + verdict.recheck_ns, socket->cookie);
		return;
	}
	if (is_kernels(record)) /* no process can close it */
		return;
	leak_holders_find(&watch->holders, watch->tracker, result, socket, verdict.kind);
	process = watch->holders.process;
	if (!process && filter_is_selective(watch->tracker->filter))
		return; /* no watched process holds it */
	leak.process = process;
	leak.holders = watch->holders.items;
	leak.holder_count = watch->holders.count;
	leak.holder_total = watch->holders.total;
	if (watch->holders.listener)
		leak.listener = &watch->holders.listener_flow;
	idle = add_idle(watch, socket, record, process, &connection) &&
	       verdict.kind == LEAK_UNREAD && !(connection && leak_idle_forgotten(connection));
	leak.role = socket->role; /* add_idle() may have set it */
	if (idle)
		leak_watch_report_idle(watch, socket, process, connection, &leak);
	else
		leak_reports_add(&watch->reports, socket, process, &leak);
}

/* All that may be idle are known before the first one is judged: whether they are forgotten depends
 * on how many there are. */
static void add_if_idle(struct leak_watch *watch, const struct scan_result *result, uint64_t cookie)
{
	struct tcp_socket *socket = leak_watch_waiting(watch, cookie);
	struct idle_connection *connection;
	const struct event_scan *record;

	if (!socket || socket->role == ROLE_SERVER ||
	    !scan_result_find(result, socket->cookie, &record) || record->state != TCP_CLOSE_WAIT ||
	    !leak_looks_idle(socket, record))
		return;
	leak_holders_find(&watch->holders, watch->tracker, result, socket, LEAK_UNREAD);
	add_idle(watch, socket, record, watch->holders.process, &connection);
}

/* It was reported as idle; it is judged anew. */
static void withdraw(struct leak_watch *watch, struct idle_connection *connection)
{
	struct tcp_socket *socket = socket_table_find(watch->tracker->sockets, connection->cookie);

	leak_reports_withdraw(&watch->reports, connection->cookie, connection->group);
	connection->told = false;
	if (!connection->left && socket) {
		socket->leaked = 0;
		leak_watch_add_due(watch, connection->cookie);
	}
}

/* A process may read the end of an idle connection, and not close it. */
static void recheck_idle(struct leak_watch *watch, const struct scan_result *result)
{
	size_t count;

	for (size_t i = 0; i < result->count && leak_idle_count(watch->idle); i += count) {
		const struct event_scan *record = &result->records[i];
		const struct tcp_socket *socket;
		struct idle_connection *connection;

		count = scan_result_group(result, record);
		if (record->state != TCP_CLOSE_WAIT)
			continue;
		socket = socket_table_find(watch->tracker->sockets, record->cookie);
		if (!socket || !socket->leaked || leak_looks_idle(socket, record))
			continue;
		connection = leak_idle_find(watch->idle, record->cookie);
		if (!connection || !connection->told || connection->left)
			continue;
		withdraw(watch, connection);
		leak_idle_drop(watch->idle, connection);
	}
}

static struct tcp_socket left_socket(const struct idle_connection *connection)
{
	return (struct tcp_socket){
		.cookie = connection->cookie,
		.flow = connection->left->flow,
		.role = connection->left->leak.role,
		.stack = connection->left->stack,
	};
}

/* Reports a connection that its process left as a leak. */
static void report_left(struct leak_watch *watch, struct idle_connection *connection)
{
	struct tcp_socket socket = left_socket(connection);

	leak_reports_add_closing(&watch->reports, &socket, connection->process,
				 &connection->left->leak);
}

/* Connections that were left while the names of their stacks were not there. */
static void decide_left(struct leak_watch *watch, uint64_t now_ns)
{
	struct idle_connection *connection, *next;
	bool wait;

	if (!watch->undecided)
		return;
	for (connection = leak_idle_next(watch->idle, NULL); connection; connection = next) {
		struct tcp_socket socket;

		next = leak_idle_next(watch->idle, connection);
		if (!connection->undecided)
			continue;
		socket = left_socket(connection);
		leak_names_get(&watch->reports.names, socket.stack, now_ns, &wait);
		if (wait && !watch->last)
			continue;
		connection->undecided = false;
		watch->undecided--;
		if (!leak_watch_may_be_idle(watch, &socket)) {
			report_left(watch, connection);
			leak_idle_drop(watch->idle, connection);
		} else if (leak_idle_forgotten(connection)) {
			report_left(watch, connection);
		} else {
			leak_watch_report_idle(watch, &socket, connection->process, connection,
					       &connection->left->leak);
		}
	}
}

/* Connections that were reported as idle, and turn out to be forgotten. */
static void withdraw_forgotten(struct leak_watch *watch)
{
	struct idle_connection *connection = NULL;

	while ((connection = leak_idle_next(watch->idle, connection))) {
		if (!connection->told || !leak_idle_forgotten(connection))
			continue;
		withdraw(watch, connection);
		if (connection->left)
			report_left(watch, connection);
	}
}

/* Returns whether it is missing in the result. */
static bool judge(struct leak_watch *watch, const struct scan_result *result, uint64_t cookie,
		  uint64_t now_ns)
{
	struct tcp_socket *socket = leak_watch_waiting(watch, cookie);
	const struct event_scan *record;

	if (!socket)
		return false;
	socket->due_for_leak = 0;
	if (!scan_result_find(result, socket->cookie, &record) || record->state != TCP_CLOSE_WAIT) {
		/* The record of its transition comes soon, or was lost. */
		deadline_heap_push(&watch->irregular, now_ns + NS_PER_S, socket->cookie);
		return true;
	}
	judge_one(watch, socket, record, result, now_ns);
	return false;
}

/* Goes over the collected sockets, *left of them at most. Returns whether there are more. */
static bool go_over(struct leak_watch *watch, const struct scan_result *result, uint64_t now_ns,
		    size_t *left)
{
	for (; watch->judging.next < watch->due_count; watch->judging.next++, --*left) {
		uint64_t cookie = watch->due[watch->judging.next];

		if (!*left)
			return true;
		if (watch->judging.part == JUDGE_IDLE)
			add_if_idle(watch, result, cookie);
		else
			watch->judging.missing += judge(watch, result, cookie, now_ns);
	}
	watch->judging.next = 0;
	return false;
}

static void forget_due(struct leak_watch *watch)
{
	watch->due_count = 0;
	if (watch->due_capacity <= LEAK_DUE_LIMIT)
		return;
	free(watch->due); /* of the last scan */
	watch->due = NULL;
	watch->due_capacity = 0;
}

static void begin_to_judge(struct leak_watch *watch, const struct scan_result *result,
			   uint64_t now_ns)
{
	watch->judging.missing = 0;
	watch->judging.next = 0;
	watch->judging.part = JUDGE_IDLE;
	watch->holders.listener = 0; /* of another scan */
	watch->scans++;
	decide_left(watch, now_ns);
	recheck_idle(watch, result);
}

bool leak_watch_judge_some(struct leak_watch *watch, const struct scan_result *result,
			   uint64_t now_ns, size_t *missing)
{
	size_t left = LEAK_JUDGE_STEP;

	if (watch->judging.part == JUDGE_NONE)
		begin_to_judge(watch, result, now_ns);
	while (!go_over(watch, result, now_ns, &left)) {
		if (watch->judging.part != JUDGE_IDLE)
			forget_due(watch);
		if (watch->judging.part == JUDGE_DUE)
			withdraw_forgotten(watch);
		if (watch->judging.part++ != JUDGE_WITHDRAWN)
			continue;
		watch->judging.part = JUDGE_NONE;
		*missing = watch->judging.missing;
		return false;
	}
	return true;
}

size_t leak_watch_judge(struct leak_watch *watch, const struct scan_result *result, uint64_t now_ns)
{
	size_t missing = 0;

	watch->judging.part = JUDGE_NONE;
	while (leak_watch_judge_some(watch, result, now_ns, &missing))
		;
	return missing;
}

void leak_watch_postpone(struct leak_watch *watch, uint64_t now_ns, uint64_t retry_ns)
{
	for (size_t i = 0; i < watch->due_count; i++)
		deadline_heap_push(&watch->irregular, now_ns + retry_ns, watch->due[i]);
	watch->due_count = 0;
	watch->judging.part = JUDGE_NONE;
}
