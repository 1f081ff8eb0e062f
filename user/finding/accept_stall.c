// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * accept-stall: connections are stuck in a listener's accept queue.
 *
 * Only a scan shows what is in a queue. A scan of the listeners is wanted if there are connections
 * without a known accept() (in the tracepoints mode these are most connections). If a queue is not
 * empty, the next scan also asks who holds the listeners, which connections wait and how old they
 * are: in the TCP tables of their network namespaces, or, where these are many and each of them
 * costs a walk through the sockets of all, at the beginnings of the queues, which the descriptors
 * show.
 */
#include <stdlib.h>

#include "finding/rule.h"
#include "leak/holders.h"
#include "model/tcp_state.h"
#include "track/owner.h"
#include "base/units.h"

/* A scan is wanted if a connection without a known accept() is this old: a program that accepts
 * does so within milliseconds. */
#define SUSPECT_NS (2 * NS_PER_S)
/* A scan is also wanted for this many younger connections: the smaller backlogs hold no more. */
#define SUSPECT_YOUNG 64
/* The time to the next scan if all queues were empty. */
#define PAUSE_NS (5 * NS_PER_S)
/* The queue is first in, first out: if its oldest connection has waited for this long, accept() was
 * not called since. Clients give up after about this time; garbage collectors pause for less. */
#define STALL_NS (5 * NS_PER_S)
/* One or two connections may wait on purpose, for a program that serves one client at a time. */
#define FEW 3
/* A queue must be full for this time and in this many scans: a burst fills it for milliseconds. */
#define FULL_NS	   (5 * NS_PER_S)
#define FULL_SCANS 3
/* The age at which the result of a scan is out of date. */
#define FORGET_NS (30 * NS_PER_S)
/* The tables of so many network namespaces may be read. */
#define FEW_NAMESPACES 16

/* look->own[]: sockets that entered their state before this time have been accepted. */

/* Of all listeners together (PLACE_NONE): */
enum { SUSPECTS, YOUNG, STALE }; /* now[] */
enum { WAITING, AGAIN };	 /* scanned[]: queues that are not empty; look closer, or again */
enum { ASKED_AT, ANSWERED_AT };	 /* ever[] */
/* Of a listener (process, PLACE_LOCAL): */
enum { QUEUE, LIMIT, FULL, STUCK, OLDEST, AT_LEAST, GAVE_UP, PARTLY, HOLDERS }; /* scanned[] */
enum { SEEN_AT, FULL_SINCE, FULLS };						/* ever[] */
/* STUCK counts old connections, and at least FEW for a queue of FEW that has one: FEW are wrong.
 * PARTLY: GAVE_UP is of the beginning of the queue only. */

/* A listener whose queue is not empty, during one scan. */
struct waiting_at {
	uint64_t cookie;
	uint32_t netns;
	struct subject *subject; /* NULL = of no watched process */
	uint32_t queue;
	uint32_t old; /* connections that have waited for STALL_NS */
};

struct waiting {
	struct waiting_at *items; /* by cookie */
	size_t count;
};

static const char full_says[] =
	"The accept queue of this listener is full: the kernel drops new connections, and "
	"clients try again after a second or more.";
static const char full_advice[] =
	"The process accepts, but more slowly than connections arrive: do less work between two "
	"accept() calls, or run more workers (SO_REUSEPORT). If bursts fill the queue, raise "
	"both of its limits, the backlog of listen() and net.core.somaxconn (the smaller one "
	"applies), and restart the process. \"ss -ltn\" shows the queue, \"nstat -az "
	"TcpExtListenOverflows\" counts what was dropped.";
static const char stuck_full_advice[] =
	"The process does not call accept(): it hangs, is stopped, has run out of descriptors "
	"or threads, or has left its accept loop. Take stack traces of its threads, or run "
	"\"strace -f -e accept,accept4 -p PID\". A larger backlog or net.core.somaxconn does "
	"not help. A restart resets all connections that wait; \"ss -ltn\" shows how many there "
	"are.";

static struct subject *all_of(struct finding_look *look)
{
	return subjects_get(look->subjects, FINDING_ACCEPT_STALL, NULL, PLACE_NONE, NULL);
}

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	struct subject *all;

	(void)owner;
	if (socket->owner_source > OWNER_LISTENER || socket->role == ROLE_CLIENT ||
	    socket->since_ns <= look->own[FINDING_ACCEPT_STALL])
		return;
	netns_set_add(&look->netns[FINDING_ACCEPT_STALL], socket->flow.netns);
	all = all_of(look);
	if (!all)
		return;
	all->now[socket->since_ns + SUSPECT_NS <= look->now_ns ? SUSPECTS : YOUNG]++;
	all->now[STALE] += socket->since_ns + STALL_NS <= look->now_ns;
}

static void others(struct finding_look *look)
{
	const struct netns_set *suspected = &look->netns[FINDING_ACCEPT_STALL];
	struct subject *all = all_of(look);
	bool suspicion;

	if (!all)
		return;
	suspicion = all->now[SUSPECTS] || all->now[YOUNG] >= SUSPECT_YOUNG;
	if (!all->scanned[AGAIN] &&
	    (!suspicion ||
	     (all->ever[ANSWERED_AT] && all->ever[ANSWERED_AT] + PAUSE_NS > look->now_ns)))
		return;
	all->ever[ASKED_AT] = look->now_ns;
	look->wanted.states |= 1u << TCP_LISTEN;
	look->wanted.queues = true;
	netns_set_add_set(&look->wanted.listeners, suspected);
	if (all->scanned[AGAIN])
		netns_set_add_set(&look->wanted.listeners, &look->stalls);
	if (all->scanned[AGAIN] && look->stalls.count <= FEW_NAMESPACES)
		netns_set_add_set(&look->wanted.tables, &look->stalls);
	/* Where scans take long they are rare, and one has to do. */
	if (all->now[STALE] && suspected->count <= FEW_NAMESPACES)
		netns_set_add_set(&look->wanted.tables, suspected);
	if (!all->scanned[AGAIN] && !all->now[STALE])
		return;
	look->wanted.descriptors = true;
	look->wanted.table_states |= 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT;
}

/* NULL if the listener is of no watched process. */
static struct subject *subject_of(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *listener =
		socket_table_find(look->tracker->sockets, record->cookie);
	struct leak_holders holders;
	struct subject *subject;
	struct process *owner;

	if (!listener || listener->hidden)
		return NULL;
	leak_holders_of_listener(&holders, look->tracker, look->result, record->cookie);
	owner = finding_look_owner(look, holders.process);
	if (!owner)
		return NULL;
	subject = subjects_get(look->subjects, FINDING_ACCEPT_STALL, owner, PLACE_LOCAL,
			       &listener->flow);
	if (!subject)
		return NULL;
	subject->scanned[QUEUE] += record->recv_queue;
	subject->scanned[LIMIT] += record->send_queue;
	/* sk_acceptq_is_full() in include/net/sock.h: a queue holds one more than its limit. */
	subject->scanned[FULL] |= record->recv_queue > record->send_queue;
	if (subject->scanned[HOLDERS] < holders.total)
		subject->scanned[HOLDERS] = holders.total;
	subject->ever[SEEN_AT] = look->now_ns;
	return subject;
}

/* Whether who holds this listener and what waits in its queue is known, or was asked for. */
static bool is_close(const struct finding_look *look, const struct event_scan *record)
{
	return record->header.kind == EVENT_SCAN_FD ||
	       (look->wanted.descriptors &&
		scan_request_has_netns(&look->wanted, record->header.netns));
}

/*
 * Counts the queues that are not empty, and remembers whose they are. Without a close look these
 * are the processes that were known to have the listeners, of which nothing is said yet.
 */
static void see_queues(struct finding_look *look, struct subject *all, struct waiting *waiting)
{
	const struct scan_result *scan = look->result;

	all->ever[ANSWERED_AT] = look->now_ns;
	netns_set_clear(&look->stalls);
	for (size_t i = 0; i < scan->count; i += scan_result_group(scan, &scan->records[i])) {
		const struct event_scan *record = &scan->records[i];
		struct waiting_at at = {.cookie = record->cookie,
					.netns = record->header.netns,
					.queue = record->recv_queue};
		struct waiting_at *items;

		if (record->state != TCP_LISTEN || !record->recv_queue)
			continue;
		all->scanned[WAITING]++;
		items = reallocarray(waiting->items, waiting->count + 1, sizeof(*items));
		if (!items)
			return;
		at.subject = subject_of(look, record);
		if (at.subject || !is_close(look, record)) {
			all->scanned[AGAIN] = 1;
			netns_set_add(&look->stalls, record->header.netns);
		}
		waiting->items = items;
		items[waiting->count++] = at;
	}
}

static int compare_waiting(const void *a, const void *b)
{
	const struct waiting_at *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static void see_connection(const struct finding_look *look, struct waiting_at *at,
			   const struct tcp_socket *socket, bool gave_up)
{
	struct subject *subject = at->subject;

	at->old += socket->since_ns + STALL_NS <= look->now_ns;
	subject->scanned[GAVE_UP] += gave_up;
	if (subject->scanned[OLDEST] && subject->scanned[OLDEST] <= socket->since_ns)
		return;
	subject->scanned[OLDEST] = socket->since_ns;
	/* since_ns is when it entered CLOSE_WAIT; it has waited for longer. */
	subject->scanned[AT_LEAST] = !socket->since_known || socket->state != TCP_ESTABLISHED;
}

/* One that the TCP tables show. */
static void see_waiting(struct finding_look *look, struct waiting *waiting,
			const struct event_scan *record)
{
	const struct event_scan *listener = scan_result_listener(look->result, record);
	const struct waiting_at key = {.cookie = listener ? listener->cookie : 0};
	const struct tcp_socket *socket;
	struct waiting_at *at;

	socket = socket_table_find(look->tracker->sockets, record->cookie);
	if (!socket || socket->hidden || !waiting->count)
		return;
	at = bsearch(&key, waiting->items, waiting->count, sizeof(key), compare_waiting);
	if (at && at->subject)
		see_connection(look, at, socket, record->state == TCP_CLOSE_WAIT);
}

/* The beginning of a queue of which the tables were not read. */
static void see_beginning(struct finding_look *look, struct waiting_at *at)
{
	const struct queued *queued;
	size_t count = accept_queues_of(&look->result->queues, at->cookie, &queued);

	at->subject->scanned[PARTLY] |= count < at->queue;
	for (size_t i = 0; i < count; i++) {
		const struct tcp_socket *socket =
			socket_table_find(look->tracker->sockets, queued[i].connection);

		/* It may have been accepted since. */
		if (socket && !socket->hidden && !owner_is_known(socket) &&
		    socket->flow.netns == at->netns &&
		    (socket->state == TCP_ESTABLISHED || socket->state == TCP_CLOSE_WAIT))
			see_connection(look, at, socket, socket->state == TCP_CLOSE_WAIT);
	}
}

static bool is_waiting(const struct event_scan *record)
{
	return event_scan_is_unaccepted(record) && !(record->flow.flags & EVENT_KERN_SOCK) &&
	       (record->state == TCP_ESTABLISHED || record->state == TCP_CLOSE_WAIT);
}

static void scanned(struct finding_look *look)
{
	const struct scan_result *scan = look->result;
	struct subject *all = all_of(look);
	struct waiting waiting = {0};

	/* Other rules ask for the listeners of other network namespaces. */
	if (!all || all->ever[ASKED_AT] != look->now_ns)
		return;
	see_queues(look, all, &waiting);
	for (size_t i = 0; i < scan->count; i += scan_result_group(scan, &scan->records[i]))
		if (is_waiting(&scan->records[i]))
			see_waiting(look, &waiting, &scan->records[i]);
	for (size_t i = 0; i < waiting.count; i++) {
		struct waiting_at *at = &waiting.items[i];

		if (!at->subject)
			continue;
		if (!scan_result_has_seen(scan, at->netns))
			see_beginning(look, at);
		if (at->old)
			at->subject->scanned[STUCK] += at->queue < FEW ? at->old : FEW;
	}
	free(waiting.items);
}

/* For how long the queue has been full; 0 if it is not full or was not scanned often enough. */
static uint64_t full_for(struct finding_look *look, struct subject *subject)
{
	if (!subject->scanned[FULL]) {
		subject->ever[FULL_SINCE] = 0;
		return 0;
	}
	if (!subject->ever[FULL_SINCE]) {
		subject->ever[FULL_SINCE] = subject->ever[SEEN_AT];
		subject->ever[FULLS] = 0;
	}
	if (subject->ever[SEEN_AT] == look->now_ns)
		subject->ever[FULLS]++;
	return subject->ever[FULLS] < FULL_SCANS
		       ? 0
		       : subject->ever[SEEN_AT] - subject->ever[FULL_SINCE];
}

static void put_evidence(struct finding_look *look, const struct subject *subject,
			 struct finding *finding)
{
	const struct net_settings *settings = finding_look_settings(look, subject->flow.netns);

	finding_count(finding, "queue", subject->scanned[QUEUE]);
	finding_count(finding, "limit", subject->scanned[LIMIT]);
	finding_flag(finding, "full", subject->scanned[FULL]);
	if (subject->scanned[OLDEST])
		finding_duration(finding, "oldest",
				 subject->ever[SEEN_AT] - subject->scanned[OLDEST],
				 subject->scanned[AT_LEAST]);
	if (subject->scanned[GAVE_UP] && !subject->scanned[PARTLY])
		finding_count(finding, "peers_gave_up", subject->scanned[GAVE_UP]);
	if (subject->scanned[FULL] && settings)
		finding_count(finding, "somaxconn", settings->somaxconn);
	if (subject->scanned[HOLDERS] > 1)
		finding_count(finding, "holders", subject->scanned[HOLDERS]);
}

static bool judge_listener(struct finding_look *look, struct subject *subject,
			   struct finding *finding)
{
	bool full = full_for(look, subject) >= FULL_NS;

	if (!subject->scanned[QUEUE] || subject->ever[SEEN_AT] + FORGET_NS < look->now_ns ||
	    (!full && subject->scanned[STUCK] < FEW))
		return false;
	finding->severity =
		full && subject->scanned[QUEUE] >= FEW ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	if (full) {
		finding->says = full_says;
		finding->advice = subject->scanned[STUCK] ? stuck_full_advice : full_advice;
	}
	put_evidence(look, subject, finding);
	return true;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (subject->place == PLACE_LOCAL && subject->process)
		return judge_listener(look, subject, finding);
	if (subject->place == PLACE_NONE && subject->ever[ANSWERED_AT] == look->now_ns &&
	    !subject->scanned[WAITING])
		look->own[FINDING_ACCEPT_STALL] = look->now_ns;
	return false;
}

const struct finding_rule finding_accept_stall = {
	.id = FINDING_ACCEPT_STALL,
	.says = "Connections wait in the accept queue of this listener; the process does not "
		"accept them.",
	.advice = "The process has not called accept() since the oldest of them arrived: it "
		  "hangs, is stopped, has run out of descriptors or threads, or has left its "
		  "accept loop. Take stack traces of its threads, or run \"strace -f -e "
		  "accept,accept4 -p PID\". \"ss -ltn\" shows the queue; a larger backlog would "
		  "only let more connections wait.",
	.states = 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT,
	.socket = see_socket,
	.guessed = true,
	.others = others,
	.scanned = scanned,
	.judge = judge,
};
