// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * accept-stall: connections are stuck in a listener's accept queue.
 *
 * Only a scan shows what is in a queue. A scan of the listeners is wanted if there are connections
 * without a known accept() (in the tracepoints mode these are most connections), or if any queue
 * was not empty; and one of the waiting connections where so many were in a queue that it may
 * stall.
 */
#include "finding/rule.h"
#include "model/tcp_state.h"
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

/* look->own[]: sockets that entered their state before this time have been accepted. */

/* Of all listeners together (PLACE_NONE): */
enum { SUSPECTS, YOUNG };	/* now[] */
enum { WAITING };		/* scanned[] */
enum { ASKED_AT, ANSWERED_AT }; /* ever[] */
/* Of a listener (process, PLACE_LOCAL): */
enum { QUEUE, LIMIT, FULL };	     /* scanned[] */
enum { SEEN_AT, FULL_SINCE, FULLS }; /* ever[] */
/* Of an address, which several listeners may share (no process, PLACE_LOCAL): */
enum { TOTAL, OLD, OLDEST, AT_LEAST, GAVE_UP }; /* scanned[] */

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

static struct subject *address_of(struct finding_look *look, const struct flow *flow)
{
	return subjects_get(look->subjects, FINDING_ACCEPT_STALL, NULL, PLACE_LOCAL, flow);
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
	if (all)
		all->now[socket->since_ns + SUSPECT_NS <= look->now_ns ? SUSPECTS : YOUNG]++;
}

static void others(struct finding_look *look)
{
	struct subject *all = all_of(look), *subject = NULL;
	bool suspicion;

	if (!all)
		return;
	suspicion = all->now[SUSPECTS] || all->now[YOUNG] >= SUSPECT_YOUNG;
	if (!all->scanned[WAITING] &&
	    (!suspicion || (all->ever[ASKED_AT] && all->ever[ASKED_AT] + PAUSE_NS > look->now_ns)))
		return;
	all->ever[ASKED_AT] = look->now_ns;
	look->wanted.states |= 1u << TCP_LISTEN;
	netns_set_add_set(&look->wanted.listeners, &look->netns[FINDING_ACCEPT_STALL]);
	look->wanted.table_states |= 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT;
	while ((subject = subjects_next(look->subjects, subject)))
		if (subject->id == FINDING_ACCEPT_STALL && subject->process &&
		    (subject->scanned[QUEUE] >= FEW || subject->scanned[FULL]))
			netns_set_add(&look->wanted.tables, subject->flow.netns);
}

static void listener_record(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *listener;
	struct subject *all = all_of(look), *subject;
	struct process *owner;

	if (!all)
		return;
	all->ever[ANSWERED_AT] = look->now_ns;
	if (!record->recv_queue)
		return;
	listener = socket_table_find(look->tracker->sockets, record->cookie);
	owner = listener && !listener->hidden ? finding_look_owner(look, listener->owner) : NULL;
	if (!owner)
		return;
	all->scanned[WAITING]++;
	subject = subjects_get(look->subjects, FINDING_ACCEPT_STALL, owner, PLACE_LOCAL,
			       &listener->flow);
	if (!subject)
		return;
	subject->scanned[QUEUE] += record->recv_queue;
	subject->scanned[LIMIT] += record->send_queue;
	/* sk_acceptq_is_full() in include/net/sock.h: a queue holds one more than its limit. */
	subject->scanned[FULL] |= record->recv_queue > record->send_queue;
	subject->ever[SEEN_AT] = look->now_ns;
	subject = address_of(look, &listener->flow);
	if (subject)
		subject->scanned[TOTAL] += record->recv_queue;
}

static bool is_unaccepted(const struct event_scan *record)
{
	return record->header.kind == EVENT_SCAN_SOCKET &&
	       (record->state == TCP_ESTABLISHED || record->state == TCP_CLOSE_WAIT) &&
	       !(record->flow.flags & (EVENT_SK_SOCKET | EVENT_DEAD | EVENT_KERN_SOCK));
}

static void waiting_record(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *listener, *socket;
	struct subject *subject;
	bool several;

	socket = socket_table_find(look->tracker->sockets, record->cookie);
	if (!socket || socket->hidden)
		return;
	listener = listener_index_find(look->tracker->listeners, &socket->flow, &several);
	if (!listener)
		return;
	subject = address_of(look, &listener->flow);
	if (!subject)
		return;
	subject->scanned[OLD] += socket->since_ns + STALL_NS <= look->now_ns;
	subject->scanned[GAVE_UP] += record->state == TCP_CLOSE_WAIT;
	if (subject->scanned[OLDEST] && subject->scanned[OLDEST] <= socket->since_ns)
		return;
	subject->scanned[OLDEST] = socket->since_ns;
	/* since_ns is when it entered CLOSE_WAIT; it has waited for longer. */
	subject->scanned[AT_LEAST] = !socket->since_known || socket->state != TCP_ESTABLISHED;
}

static void record(struct finding_look *look, const struct event_scan *record)
{
	if (record->state == TCP_LISTEN)
		listener_record(look, record);
	else if (is_unaccepted(record))
		waiting_record(look, record);
}

/* Whether some of the old connections must be in this queue: there are more of them than the queues
 * of the other listeners hold. */
static bool is_stuck(const struct subject *listener, const struct subject *address)
{
	return address->scanned[OLD] + listener->scanned[QUEUE] > address->scanned[TOTAL];
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

static void put_evidence(struct finding_look *look, struct subject *subject,
			 const struct subject *address, struct finding *finding)
{
	const struct net_settings *settings = finding_look_settings(look, subject->flow.netns);
	bool alone = address->scanned[TOTAL] == subject->scanned[QUEUE];

	finding_count(finding, "queue", subject->scanned[QUEUE]);
	finding_count(finding, "limit", subject->scanned[LIMIT]);
	finding_flag(finding, "full", subject->scanned[FULL]);
	if (alone && address->scanned[OLDEST])
		finding_duration(finding, "oldest",
				 subject->ever[SEEN_AT] - address->scanned[OLDEST],
				 address->scanned[AT_LEAST]);
	else if (is_stuck(subject, address))
		finding_duration(finding, "oldest", STALL_NS, true);
	if (alone && address->scanned[GAVE_UP])
		finding_count(finding, "peers_gave_up", address->scanned[GAVE_UP]);
	if (subject->scanned[FULL] && settings)
		finding_count(finding, "somaxconn", settings->somaxconn);
}

static bool judge_listener(struct finding_look *look, struct subject *subject,
			   struct finding *finding)
{
	const struct subject *address = address_of(look, &subject->flow);
	uint64_t full_ns = full_for(look, subject);
	bool stuck, full = full_ns >= FULL_NS;

	if (!address || !subject->scanned[QUEUE] ||
	    subject->ever[SEEN_AT] + FORGET_NS < look->now_ns)
		return false;
	stuck = is_stuck(subject, address);
	if (!full && (!stuck || subject->scanned[QUEUE] < FEW))
		return false;
	finding->severity =
		full && subject->scanned[QUEUE] >= FEW ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	if (full) {
		finding->says = full_says;
		finding->advice = stuck ? stuck_full_advice : full_advice;
	}
	put_evidence(look, subject, address, finding);
	return true;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (subject->place == PLACE_LOCAL && subject->process)
		return judge_listener(look, subject, finding);
	/* Other rules ask for the listeners of other network namespaces. */
	if (subject->place == PLACE_NONE && subject->ever[ASKED_AT] == look->now_ns &&
	    subject->ever[ANSWERED_AT] == look->now_ns && !subject->scanned[WAITING])
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
	.others = others,
	.record = record,
	.judge = judge,
};
