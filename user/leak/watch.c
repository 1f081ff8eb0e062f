// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/deadline_heap.h"
#include "leak/judge.h"
#include "base/units.h"

struct leak_watch {
	struct tracker *tracker;
	uint64_t threshold_ns;
	bool exits;    /* leak_watch_report_exits() */
	bool last;     /* leak_watch_collect_last(): no leak waits for names any more */
	uint32_t head; /* list of handles of sockets in the order in which they entered CLOSE_WAIT,
			  which is the order of their deadlines */
	uint32_t tail;
	struct deadline_heap irregular; /* cookies of sockets found by a scan, or judged again */
	uint64_t *due;			/* cookies of sockets collected for judgement */
	size_t due_count;
	size_t due_capacity;
	struct leak_holders holders; /* of the socket that is being judged */
	struct leak_reports reports;
};

struct leak_watch *leak_watch_new(struct tracker *tracker, uint64_t threshold_ns,
				  const struct leak_hooks *hooks)
{
	struct leak_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->tracker = tracker;
	watch->threshold_ns = threshold_ns;
	if (leak_reports_init(&watch->reports, tracker, hooks)) {
		free(watch);
		return NULL;
	}
	return watch;
}

void leak_watch_free(struct leak_watch *watch)
{
	if (!watch)
		return;
	leak_reports_clear(&watch->reports);
	deadline_heap_free(&watch->irregular);
	free(watch->due);
	leak_holders_clear(&watch->holders);
	free(watch);
}

struct leak_reports *leak_watch_reports(struct leak_watch *watch)
{
	return &watch->reports;
}

static struct tcp_socket *socket_at(const struct leak_watch *watch, uint32_t handle)
{
	return socket_table_at(watch->tracker->sockets, handle);
}

static void list_append(struct leak_watch *watch, struct tcp_socket *socket)
{
	socket->watch_prev = watch->tail;
	socket->watch_next = 0;
	if (watch->tail)
		socket_at(watch, watch->tail)->watch_next = socket->handle;
	else
		watch->head = socket->handle;
	watch->tail = socket->handle;
	socket->watched_for_leak = 1;
}

static void list_remove(struct leak_watch *watch, struct tcp_socket *socket)
{
	if (socket->watch_prev)
		socket_at(watch, socket->watch_prev)->watch_next = socket->watch_next;
	else
		watch->head = socket->watch_next;
	if (socket->watch_next)
		socket_at(watch, socket->watch_next)->watch_prev = socket->watch_prev;
	else
		watch->tail = socket->watch_prev;
	socket->watched_for_leak = 0;
}

/* Asks for the names of the socket's stack; returns whether they may still come. */
static bool awaits_names(struct leak_watch *watch, const struct tcp_socket *socket, uint64_t now_ns)
{
	bool wait;

	leak_names_get(&watch->reports.names, socket->stack, now_ns, &wait);
	return wait;
}

void leak_watch_enter(struct leak_watch *watch, struct tcp_socket *socket)
{
	if (socket->since_known)
		list_append(watch, socket);
	else
		deadline_heap_push(&watch->irregular, socket->since_ns + watch->threshold_ns,
				   socket->cookie);
	/* A socket that is closed before the names come is not reported. If there is little time
	 * for that, the names are asked for at once. */
	if (watch->threshold_ns < LEAK_NAMES_WAIT || watch->exits)
		awaits_names(watch, socket, socket->since_ns);
}

/* Reports a socket that was closed before it could be judged. */
static void report_unjudged(struct leak_watch *watch, struct tcp_socket *socket, struct leak *leak)
{
	struct process *process = socket->owner && socket->owner->watched ? socket->owner : NULL;

	if (socket->hidden || socket->kernel ||
	    (!process && filter_is_selective(watch->tracker->filter)))
		return;
	leak->cookie = socket->cookie;
	leak->age_ns = leak_age(socket, leak->time_ns);
	leak->process = process;
	leak->flow = &socket->flow;
	leak->role = socket->role;
	leak_reports_add_closing(&watch->reports, socket, process, leak);
}

void leak_watch_report_exits(struct leak_watch *watch)
{
	watch->exits = true;
}

void leak_watch_left(struct leak_watch *watch, struct tcp_socket *socket,
		     const struct event_transition *e)
{
	struct leak leak;

	if (!watch->exits)
		return;
	socket->left = 1;
	if (!socket->leaked && leak_left_make(&leak, socket, e, watch->threshold_ns))
		report_unjudged(watch, socket, &leak);
}

/* With a threshold of 0 every socket is reported, also one that was closed before it could be
 * judged. */
static void report_closed(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns)
{
	report_unjudged(watch, socket,
			&(struct leak){
				.time_ns = time_ns,
				.kind = LEAK_UNCLOSED,
				.end_read = true,
			});
}

void leak_watch_leave(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns)
{
	if (socket->watched_for_leak)
		list_remove(watch, socket);
	if (!watch->threshold_ns && time_ns && socket->since_known && !socket->leaked)
		report_closed(watch, socket, time_ns);
	if (socket->leaked)
		leak_reports_end(&watch->reports, socket, time_ns);
	socket->leaked = 0;
	socket->left = 0;
}

uint64_t leak_watch_deadline(const struct leak_watch *watch)
{
	uint64_t deadline = deadline_heap_first(&watch->irregular);
	uint64_t regular = UINT64_MAX;

	if (watch->head)
		regular = socket_at(watch, watch->head)->since_ns + watch->threshold_ns;
	if (watch->reports.settle_at_ns < deadline)
		deadline = watch->reports.settle_at_ns;
	return regular < deadline ? regular : deadline;
}

static bool due_add(struct leak_watch *watch, uint64_t cookie)
{
	if (watch->due_count == watch->due_capacity) {
		size_t capacity = watch->due_capacity ? watch->due_capacity * 2 : 64;
		uint64_t *due = realloc(watch->due, capacity * sizeof(*due));

		if (!due)
			return false;
		watch->due = due;
		watch->due_capacity = capacity;
	}
	watch->due[watch->due_count++] = cookie;
	return true;
}

/* Finds a socket that still waits for judgement. NULL: it was closed or reported meanwhile. */
static struct tcp_socket *waiting(struct leak_watch *watch, uint64_t cookie)
{
	struct tcp_socket *socket = socket_table_find(watch->tracker->sockets, cookie);

	if (!socket || socket->state != TCP_CLOSE_WAIT || socket->leaked || socket->hidden)
		return NULL;
	if (socket->watched_for_leak) /* it entered CLOSE_WAIT again and has a new deadline */
		return NULL;
	return socket;
}

/* While the names of its stack may still come, the socket is judged later, so that no leak is
 * reported that has ended while it waited for names. */
static bool put_off(struct leak_watch *watch, const struct tcp_socket *socket, uint64_t now_ns)
{
	return !watch->last && awaits_names(watch, socket, now_ns) &&
	       !deadline_heap_push(&watch->irregular, now_ns + NAMES_RETRY_NS, socket->cookie);
}

size_t leak_watch_collect(struct leak_watch *watch, uint64_t now_ns)
{
	while (watch->head) {
		struct tcp_socket *socket = socket_at(watch, watch->head);

		if (socket->since_ns + watch->threshold_ns > now_ns)
			break;
		if (!put_off(watch, socket, now_ns) && !due_add(watch, socket->cookie))
			break;
		list_remove(watch, socket);
	}
	while (deadline_heap_first(&watch->irregular) <= now_ns) {
		uint64_t cookie = deadline_heap_pop(&watch->irregular);
		const struct tcp_socket *socket = waiting(watch, cookie);

		if (socket && !put_off(watch, socket, now_ns))
			due_add(watch, cookie);
	}
	return watch->due_count;
}

void leak_watch_ask_last(struct leak_watch *watch, uint64_t now_ns)
{
	struct tcp_socket *socket;

	if (!watch->exits)
		return;
	for (uint32_t handle = watch->head; handle; handle = socket->watch_next) {
		socket = socket_at(watch, handle);
		awaits_names(watch, socket, now_ns);
	}
	for (size_t i = 0; i < watch->irregular.count; i++) {
		socket = waiting(watch, watch->irregular.items[i].cookie);
		if (socket)
			awaits_names(watch, socket, now_ns);
	}
}

size_t leak_watch_collect_last(struct leak_watch *watch, uint64_t now_ns)
{
	watch->last = true;
	if (watch->exits)
		watch->threshold_ns = leak_left_grace(watch->threshold_ns);
	while (watch->exits && watch->irregular.count) { /* also those to be judged again */
		const struct tcp_socket *socket =
			waiting(watch, deadline_heap_pop(&watch->irregular));

		if (socket && leak_age(socket, now_ns) >= watch->threshold_ns)
			due_add(watch, socket->cookie);
	}
	return leak_watch_collect(watch, now_ns);
}

void leak_watch_add_missing(struct leak_watch *watch, const struct scan_result *result,
			    struct netns_set *netns)
{
	for (size_t i = 0; i < watch->due_count; i++) {
		const struct tcp_socket *socket = waiting(watch, watch->due[i]);
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

static void judge_one(struct leak_watch *watch, struct tcp_socket *socket,
		      const struct event_scan *record, const struct scan_result *result,
		      uint64_t now_ns)
{
	struct leak_verdict verdict =
		leak_judge(socket, record, result->tick_ns, watch->threshold_ns);
	struct leak leak = {
		.time_ns = now_ns,
		.cookie = socket->cookie,
		.age_ns = leak_age(socket, now_ns),
		.age_at_least = !socket->since_known,
		.flow = &socket->flow,
		.role = socket->role,
		.kind = verdict.kind,
		.end_read = !record->recv_queue,
		.recv_queue = record->recv_queue,
		.send_queue = record->send_queue,
	};
	struct process *process;

	if (!verdict.leaked) {
		deadline_heap_push(&watch->irregular, now_ns + verdict.recheck_ns, socket->cookie);
		return;
	}
	if (is_kernels(record)) /* no process can close it */
		return;
	leak_holders_find(&watch->holders, watch->tracker, result, socket, verdict.kind);
	process = leak_holders_choose(&watch->holders, socket);
	if (!process && filter_is_selective(watch->tracker->filter))
		return; /* no watched process holds it */
	leak.process = process;
	leak.holders = watch->holders.items;
	leak.holder_count = watch->holders.count;
	leak_reports_add(&watch->reports, socket, process, &leak);
}

size_t leak_watch_judge(struct leak_watch *watch, const struct scan_result *result, uint64_t now_ns)
{
	size_t missing = 0;

	for (size_t i = 0; i < watch->due_count; i++) {
		struct tcp_socket *socket = waiting(watch, watch->due[i]);
		const struct event_scan *record;

		if (!socket)
			continue;
		if (!scan_result_find(result, socket->cookie, &record) ||
		    record->state != TCP_CLOSE_WAIT) {
			/* The record of its transition comes soon, or was lost. */
			deadline_heap_push(&watch->irregular, now_ns + NS_PER_S, socket->cookie);
			missing++;
			continue;
		}
		judge_one(watch, socket, record, result, now_ns);
	}
	watch->due_count = 0;
	return missing;
}

void leak_watch_postpone(struct leak_watch *watch, uint64_t now_ns, uint64_t retry_ns)
{
	for (size_t i = 0; i < watch->due_count; i++)
		deadline_heap_push(&watch->irregular, now_ns + retry_ns, watch->due[i]);
	watch->due_count = 0;
}
