// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak_watch.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "deadline_heap.h"
#include "leak_judge.h"
#include "leak_left.h"
#include "sample.h"
#include "units.h"

/* A reported leak that is still open. */
struct reported {
	uint64_t cookie;
	struct leak_group *group;
	UT_hash_handle hh;
};

struct leak_watch {
	struct tracker *tracker;
	uint64_t threshold_ns;
	bool exits; /* are minded */
	struct leak_hooks hooks;
	uint32_t head; /* sockets whose entry was seen, in that order: the order of their deadlines
			*/
	uint32_t tail;
	struct deadline_heap irregular; /* by cookie: found by scan, or to be asked again */
	uint64_t *due;			/* cookies collected for judgement */
	size_t due_count;
	size_t due_capacity;
	struct leak_holders holders; /* of the leak at hand */
	struct reported *reported;
	struct leak_groups *groups;
};

struct leak_watch *leak_watch_new(struct tracker *tracker, uint64_t threshold_ns,
				  const struct leak_hooks *hooks)
{
	struct leak_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->tracker = tracker;
	watch->threshold_ns = threshold_ns;
	watch->hooks = *hooks;
	watch->groups = leak_groups_new();
	if (!watch->groups) {
		free(watch);
		return NULL;
	}
	return watch;
}

void leak_watch_free(struct leak_watch *watch)
{
	struct reported *reported, *next;

	if (!watch)
		return;
	HASH_ITER (hh, watch->reported, reported, next) {
		HASH_DEL(watch->reported, reported);
		free(reported);
	}
	leak_groups_free(watch->groups);
	deadline_heap_free(&watch->irregular);
	free(watch->due);
	leak_holders_clear(&watch->holders);
	free(watch);
}

/* Records of several CPUs may be a little late: no age is below 0. */
static uint64_t age_of(const struct tcp_socket *socket, uint64_t time_ns)
{
	return time_ns > socket->since_ns ? time_ns - socket->since_ns : 0;
}

static void group_age(struct leak_group *group, uint64_t age_ns, bool at_least)
{
	if (age_ns == DURATION_UNKNOWN || age_ns < group->oldest_ns)
		return;
	group->oldest_ns = age_ns;
	group->oldest_at_least = at_least;
}

struct leak_groups *leak_watch_groups(struct leak_watch *watch, uint64_t now_ns)
{
	struct reported *reported, *next;

	HASH_ITER (hh, watch->reported, reported, next) {
		const struct tcp_socket *socket =
			socket_table_find(watch->tracker->sockets, reported->cookie);

		if (socket)
			group_age(reported->group, age_of(socket, now_ns), !socket->since_known);
	}
	return watch->groups;
}

void leak_watch_each(struct leak_watch *watch,
		     void (*each)(void *context, const struct tcp_socket *socket,
				  struct process *process, enum leak_kind kind),
		     void *context)
{
	struct reported *reported, *next;

	HASH_ITER (hh, watch->reported, reported, next) {
		const struct tcp_socket *socket =
			socket_table_find(watch->tracker->sockets, reported->cookie);

		if (socket)
			each(context, socket, reported->group->process, reported->group->kind);
	}
}

const struct leak_group *leak_watch_most(const struct leak_watch *watch,
					 const struct process *process)
{
	const struct leak_group *most = NULL;
	struct leak_group *group = NULL;

	while ((group = leak_groups_next(watch->groups, group)))
		if (group->process == process && group->kind != LEAK_UNACCEPTED && group->open &&
		    (!most || group->open > most->open))
			most = group;
	return most;
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

void leak_watch_enter(struct leak_watch *watch, struct tcp_socket *socket)
{
	if (socket->since_known)
		list_append(watch, socket);
	else
		deadline_heap_push(&watch->irregular, socket->since_ns + watch->threshold_ns,
				   socket->cookie);
}

static void report_end(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns)
{
	struct reported *reported;
	struct leak_end end = {
		.time_ns = time_ns,
		.cookie = socket->cookie,
		.age_ns = time_ns ? age_of(socket, time_ns) : DURATION_UNKNOWN,
		.age_at_least = !socket->since_known,
		.flow = &socket->flow,
	};

	HASH_FIND(hh, watch->reported, &socket->cookie, sizeof(socket->cookie), reported);
	if (!reported)
		return;
	reported->group->open--;
	reported->group->left += socket->left;
	group_age(reported->group, end.age_ns, end.age_at_least);
	end.process = reported->group->process;
	end.kind = reported->group->kind;
	watch->hooks.ended(watch->hooks.context, &end);
	HASH_DEL(watch->reported, reported);
	free(reported);
}

static void report(struct leak_watch *watch, struct tcp_socket *socket, struct process *process,
		   const struct leak *leak)
{
	struct leak_group *group = leak_groups_get(watch->groups, process, leak->kind, socket);
	struct reported *reported = leak->at_exit ? NULL : calloc(1, sizeof(*reported));

	socket->leaked = 1;
	sample_leak(process_table_or_unknown(watch->tracker->processes, process),
		    socket->flow.netns, leak->kind);
	if (!group) {
		free(reported);
		reported = NULL;
	}
	if (reported) {
		reported->cookie = socket->cookie;
		reported->group = group;
		HASH_ADD(hh, watch->reported, cookie, sizeof(reported->cookie), reported);
		if (!reported->hh.tbl) {
			free(reported);
			reported = NULL;
		}
	}
	if (group) {
		group_age(group, leak->age_ns, leak->age_at_least);
		group->total++;
		group->open += !leak->at_exit;
		group->left += leak->at_exit;
	}
	watch->hooks.leaked(watch->hooks.context, leak);
}

/* Closed before it could be judged. */
static void report_unjudged(struct leak_watch *watch, struct tcp_socket *socket, struct leak *leak)
{
	struct process *process = socket->owner && socket->owner->watched ? socket->owner : NULL;

	if (socket->hidden || socket->kernel ||
	    (!process && watch_set_is_selective(watch->tracker->watched)))
		return;
	leak->cookie = socket->cookie;
	leak->age_ns = age_of(socket, leak->time_ns);
	leak->process = process;
	leak->flow = &socket->flow;
	leak->role = socket->role;
	report(watch, socket, process, leak);
}

void leak_watch_mind_exits(struct leak_watch *watch)
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

/* With a threshold of 0 every one is reported, also one that is closed before it could be judged.
 */
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
		report_end(watch, socket, time_ns);
	socket->leaked = 0;
	socket->left = 0;
}

uint64_t leak_watch_deadline(const struct leak_watch *watch)
{
	uint64_t deadline = deadline_heap_first(&watch->irregular);
	uint64_t regular = UINT64_MAX;

	if (watch->head)
		regular = socket_at(watch, watch->head)->since_ns + watch->threshold_ns;
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

/* A socket that still waits for judgement: not closed, not reported meanwhile. */
static struct tcp_socket *waiting(struct leak_watch *watch, uint64_t cookie)
{
	struct tcp_socket *socket = socket_table_find(watch->tracker->sockets, cookie);

	if (!socket || socket->state != TCP_CLOSE_WAIT || socket->leaked || socket->hidden)
		return NULL;
	if (socket->watched_for_leak) /* in CLOSE_WAIT anew, with a deadline of its own */
		return NULL;
	return socket;
}

size_t leak_watch_collect(struct leak_watch *watch, uint64_t now_ns)
{
	uint64_t cookie;

	while (watch->head) {
		struct tcp_socket *socket = socket_at(watch, watch->head);

		if (socket->since_ns + watch->threshold_ns > now_ns ||
		    !due_add(watch, socket->cookie))
			break;
		list_remove(watch, socket);
	}
	while (deadline_heap_first(&watch->irregular) <= now_ns) {
		cookie = deadline_heap_pop(&watch->irregular);
		if (waiting(watch, cookie))
			due_add(watch, cookie);
	}
	return watch->due_count;
}

size_t leak_watch_collect_last(struct leak_watch *watch, uint64_t now_ns)
{
	if (!watch->exits)
		return 0;
	watch->threshold_ns = leak_left_grace(watch->threshold_ns);
	while (watch->irregular.count) { /* also what was to be looked at again */
		const struct tcp_socket *socket =
			waiting(watch, deadline_heap_pop(&watch->irregular));

		if (socket && age_of(socket, now_ns) >= watch->threshold_ns)
			due_add(watch, socket->cookie);
	}
	return leak_watch_collect(watch, now_ns);
}

bool leak_watch_all_found(struct leak_watch *watch, const struct scan_result *result)
{
	const struct event_scan *record;

	for (size_t i = 0; i < watch->due_count; i++)
		if (!scan_result_find(result, watch->due[i], &record))
			return false;
	return true;
}

/*
 * A socket of the kernel itself. Not so a child of an MPTCP listener that fell back to TCP: it has
 * its parent's mark until accept(), and then a descriptor.
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
	struct process *process;

	if (!verdict.leaked) {
		deadline_heap_push(&watch->irregular, now_ns + verdict.recheck_ns, socket->cookie);
		return;
	}
	if (is_kernels(record)) /* has no descriptor to close */
		return;
	leak_holders_find(&watch->holders, watch->tracker, result, socket, verdict.kind);
	process = leak_holders_choose(&watch->holders, socket);
	if (!process && watch_set_is_selective(watch->tracker->watched))
		return; /* nobody's whom we watch */
	report(watch, socket, process,
	       &(struct leak){
		       .time_ns = now_ns,
		       .cookie = socket->cookie,
		       .age_ns = age_of(socket, now_ns),
		       .age_at_least = !socket->since_known,
		       .process = process,
		       .flow = &socket->flow,
		       .role = socket->role,
		       .kind = verdict.kind,
		       .end_read = !record->recv_queue,
		       .recv_queue = record->recv_queue,
		       .send_queue = record->send_queue,
		       .holders = watch->holders.items,
		       .holder_count = watch->holders.count,
	       });
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
			/* Its record is on the way, or was lost. */
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
