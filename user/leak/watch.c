// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/watch.h"

#include <stdlib.h>
#include <string.h>

#include "leak/internal.h"
#include "leak/judge.h"

struct leak_watch *leak_watch_new(struct tracker *tracker, uint64_t threshold_ns,
				  const struct leak_hooks *hooks)
{
	struct leak_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->tracker = tracker;
	watch->threshold_ns = threshold_ns;
	watch->idle = leak_idle_new();
	if (!watch->idle || leak_reports_init(&watch->reports, tracker, hooks)) {
		leak_idle_free(watch->idle);
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
	leak_idle_free(watch->idle);
	deadline_heap_free(&watch->irregular);
	free(watch->due);
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

void leak_watch_be_strict(struct leak_watch *watch)
{
	watch->strict = true;
}

void leak_watch_enter(struct leak_watch *watch, struct tcp_socket *socket, uint64_t lived_ns)
{
	leak_idle_note(watch->idle, socket, lived_ns);
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

bool leak_watch_may_be_idle(struct leak_watch *watch, const struct tcp_socket *socket)
{
	return !watch->strict && watch->threshold_ns &&
	       !leak_names_reads_idle(&watch->reports.names, watch->tracker->stacks, socket->stack);
}

void leak_watch_report_idle(struct leak_watch *watch, struct tcp_socket *socket,
			    struct process *process, struct idle_connection *connection,
			    const struct leak *leak)
{
	struct leak idle = *leak;
	struct leak_group *group;

	idle.kind = LEAK_IDLE;
	group = leak_reports_add_idle(&watch->reports, socket, process, &idle);
	if (!connection)
		return;
	connection->group = group;
	connection->told = true;
}

/* Its process exits, and leaves a connection that may be idle in its pool. Returns whether it was
 * reported as idle now, or before. */
static bool report_left_idle(struct leak_watch *watch, struct tcp_socket *socket,
			     struct process *process, struct leak *leak)
{
	struct idle_connection *connection = NULL;
	bool wait;

	if (leak->kind != LEAK_UNREAD || leak->recv_queue != 1 || socket->role != ROLE_CLIENT ||
	    !leak_watch_may_be_idle(watch, socket))
		return false;
	if (process)
		connection = leak_idle_add(watch->idle, socket, process, leak);
	if (connection && connection->told)
		return true;
	leak_names_get(&watch->reports.names, socket->stack, leak->time_ns, &wait);
	if (connection && wait) { /* its names may say that it is none */
		watch->undecided += !connection->undecided;
		connection->undecided = true;
		return true;
	}
	if (connection && leak_idle_forgotten(connection))
		return false;
	leak_watch_report_idle(watch, socket, process, connection, leak);
	return true;
}

/* Reports a socket that was closed before it could be judged, as one of `process` (NULL = not
 * known). */
static void report_unjudged(struct leak_watch *watch, struct tcp_socket *socket,
			    struct process *process, struct leak *leak)
{
	if (process && !process->watched)
		process = NULL;
	if (socket->hidden || (!process && filter_is_selective(watch->tracker->filter)))
		return;
	leak->cookie = socket->cookie;
	leak->age_ns = leak_age(socket, leak->time_ns);
	leak->process = process;
	leak->flow = &socket->flow;
	leak->role = socket->role;
	if (!leak->at_exit || !report_left_idle(watch, socket, process, leak))
		leak_reports_add_closing(&watch->reports, socket, process, leak);
}

/* Whether it was reported as idle and is held since then. */
static bool is_told_idle(const struct leak_watch *watch, const struct tcp_socket *socket)
{
	const struct idle_connection *connection = leak_idle_find(watch->idle, socket->cookie);

	return connection && connection->told;
}

void leak_watch_report_exits(struct leak_watch *watch)
{
	watch->exits = true;
}

/* No record says since when the socket was in CLOSE_WAIT, and it is not judged any more. */
static void doubt(struct leak_watch *watch, const struct tcp_socket *socket, uint64_t until_ns,
		  uint64_t least_ns)
{
	const struct leak_hooks *hooks = &watch->reports.hooks;

	if (hooks->doubted && !socket->since_known && !socket->leaked && !socket->hidden &&
	    !socket->kernel)
		hooks->doubted(hooks->context, socket, socket->since_ns, until_ns, least_ns);
}

void leak_watch_left(struct leak_watch *watch, struct tcp_socket *socket,
		     const struct event_transition *e)
{
	/* A child of an MPTCP listener has the mark of the kernel's sockets until accept(). */
	bool closer = e->flow.flags & EVENT_CLOSER;
	struct process *process = socket->owner;
	uint64_t ended_ns = e->time_ns;
	struct leak leak;

	if (!watch->exits)
		return;
	socket->left = 1;
	if (!(e->flow.flags & EVENT_WITH_TASK)) /* a kernel thread closes it, some time later */
		ended_ns = process->ended_ns;
	doubt(watch, socket, e->time_ns, leak_left_grace(watch->threshold_ns));
	if ((socket->leaked && !is_told_idle(watch, socket)) || (socket->kernel && !closer) ||
	    !leak_left_make(&leak, socket, e, ended_ns, watch->threshold_ns))
		return;
	if (closer) /* it had the listener; who owns the connection is at best guessed */
		process = process_table_get(watch->tracker->processes, &e->task);
	report_unjudged(watch, socket, process, &leak);
}

static bool is_left_open(const struct tcp_socket *socket)
{
	return socket && socket->state == TCP_CLOSE_WAIT && socket->owner &&
	       socket->owner->watched && socket->owner->ended_ns;
}

bool leak_watch_left_open(const struct leak_watch *watch)
{
	const struct tcp_socket *socket;

	if (!watch->exits)
		return false;
	for (uint32_t handle = watch->head; handle; handle = socket->watch_next) {
		socket = socket_at(watch, handle);
		if (is_left_open(socket))
			return true;
	}
	for (size_t i = 0; i < watch->irregular.count; i++)
		if (is_left_open(socket_table_find(watch->tracker->sockets,
						   watch->irregular.items[i].cookie)))
			return true;
	return false;
}

/* With a threshold of 0 every socket is reported, also one that was closed before it could be
 * judged. */
static void report_closed(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns)
{
	if (socket->kernel)
		return;
	report_unjudged(watch, socket, socket->owner,
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
	doubt(watch, socket, time_ns, watch->threshold_ns);
	leak_idle_closed(watch->idle, socket, time_ns);
	socket->leaked = 0;
	socket->left = 0;
	socket->due_for_leak = 0;
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

bool leak_watch_add_due(struct leak_watch *watch, uint64_t cookie)
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

static bool add_due(struct leak_watch *watch, struct tcp_socket *socket)
{
	if (!leak_watch_add_due(watch, socket->cookie))
		return false;
	socket->due_for_leak = 1;
	return true;
}

struct tcp_socket *leak_watch_waiting(struct leak_watch *watch, uint64_t cookie)
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

/* Looks at `limit` sockets at most. */
static size_t collect(struct leak_watch *watch, uint64_t now_ns, size_t limit)
{
	for (; watch->head && limit; limit--) {
		struct tcp_socket *socket = socket_at(watch, watch->head);

		if (socket->since_ns + watch->threshold_ns > now_ns)
			break;
		if (!put_off(watch, socket, now_ns) && !add_due(watch, socket))
			break;
		list_remove(watch, socket);
	}
	for (; deadline_heap_first(&watch->irregular) <= now_ns && limit; limit--) {
		uint64_t cookie = deadline_heap_pop(&watch->irregular);
		struct tcp_socket *socket = leak_watch_waiting(watch, cookie);

		if (socket && !put_off(watch, socket, now_ns))
			add_due(watch, socket);
	}
	return watch->due_count;
}

size_t leak_watch_collect(struct leak_watch *watch, uint64_t now_ns)
{
	size_t room = watch->due_count < LEAK_DUE_LIMIT ? LEAK_DUE_LIMIT - watch->due_count : 0;

	return collect(watch, now_ns, room);
}

static bool is_looked_at_again(const struct leak_watch *watch, const struct tcp_socket *socket)
{
	uint64_t turns = leak_idle_count(watch->idle) / LEAK_IDLE_AGAIN + 1;

	return socket->leaked && socket->cookie % turns == watch->scans % turns &&
	       is_told_idle(watch, socket);
}

bool leak_watch_wants(const struct leak_watch *watch, const struct event_scan *record)
{
	const struct tcp_socket *socket;

	if (record->state != TCP_CLOSE_WAIT)
		return true;
	socket = socket_table_find(watch->tracker->sockets, record->cookie);
	return socket && (socket->due_for_leak || is_looked_at_again(watch, socket));
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
		socket = leak_watch_waiting(watch, watch->irregular.items[i].cookie);
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
		struct tcp_socket *socket =
			leak_watch_waiting(watch, deadline_heap_pop(&watch->irregular));

		if (!socket)
			continue;
		if (leak_age(socket, now_ns) >= watch->threshold_ns)
			add_due(watch, socket);
		else
			doubt(watch, socket, now_ns, watch->threshold_ns);
	}
	return collect(watch, now_ns, SIZE_MAX); /* there is one scan more, of all sockets */
}
