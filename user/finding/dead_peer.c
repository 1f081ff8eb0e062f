// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * dead-peer: data is retransmitted again and again to a peer that no longer answers.
 *
 * If many peers of one process are dead, there is a single finding for the process.
 */
#include "finding/rule.h"
#include "base/units.h"

/* With the usual first timeout of 0.2 s, five timeouts in a row take 6 s: longer than a route needs
 * to change, and much less than the 15 minutes after which the kernel gives up (tcp_retries2). */
#define TIMEOUTS 5
/* The minimum of silence if the first timeout is shorter. */
#define SILENT_NS (5 * NS_PER_S)
/* Clients such as laptops and phones disappear without notice at any time. For a server it takes
 * one in this many of its connections. */
#define SHARE 10
/* From this many connections on the severity is critical. */
#define MANY 10
/* More dead peers than this have a common cause. */
#define PEERS_FEW 5
/* TCP_RTO_MAX (include/net/tcp.h), and how late the kernel's timers may be. */
#define TIMEOUT_MAX_NS (120 * NS_PER_S)
#define LATE(ns)       ((ns) + (ns) / 8 + NS_PER_S)

/* look->own[]: until this time the connections of servers are counted, since some are dead. */
#define COUNTED_NS (5 * NS_PER_S)

/* Of a peer (process, PLACE_REMOTE), and of all peers of a process (PLACE_NONE): */
enum { COUNT, BYTES, WITHOUT_KEEPALIVE, SERVERS, BACKOFF, PEERS, OPEN }; /* now */

static const char many_says[] =
	"Many peers no longer answer: the kernel retransmits data to all of them again and "
	"again.";

/* The role of a connection older than tcpwatch is not known. It is a server's if there is a
 * listener for its local address. */
static enum socket_role role_of(const struct finding_look *look, const struct tcp_socket *socket)
{
	bool several;

	if (socket->role != ROLE_UNKNOWN)
		return socket->role;
	return listener_index_find(look->tracker->listeners, &socket->flow, &several) ? ROLE_SERVER
										      : ROLE_CLIENT;
}

/* Counts the connections of a server that has dead peers. */
static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	struct subject *all;

	if (look->own[FINDING_DEAD_PEER] < look->now_ns || role_of(look, socket) == ROLE_CLIENT)
		return;
	all = subjects_find(look->subjects, FINDING_DEAD_PEER, owner, PLACE_NONE, NULL);
	if (all)
		all->now[OPEN]++;
}

/* Whether the next timeout is not overdue yet. The entry is as of the last one: if the next one is
 * overdue, the peer has answered. */
static bool is_current(const struct finding_look *look, const struct retransmit *retransmit)
{
	uint64_t next_ns = (retransmit->last_ns - retransmit->unanswered_ns) * 2;

	if (!next_ns) /* the earlier timeouts were not seen */
		next_ns = NS_PER_S << (retransmit->backoff < 7 ? retransmit->backoff + 1 : 7);
	if (next_ns > TIMEOUT_MAX_NS)
		next_ns = TIMEOUT_MAX_NS;
	return look->now_ns <= retransmit->last_ns + LATE(next_ns);
}

static bool is_dead(const struct finding_look *look, const struct retransmit *retransmit)
{
	return retransmit->timeouts >= TIMEOUTS && retransmit->unacknowledged &&
	       retransmit->unanswered_ns && retransmit->last_received_ns &&
	       retransmit->last_received_ns + SILENT_NS < look->now_ns &&
	       is_current(look, retransmit);
}

static void see_retransmit(struct finding_look *look, const struct retransmit *retransmit)
{
	const struct tcp_socket *socket =
		socket_table_find(look->tracker->sockets, retransmit->cookie);
	struct tcp_socket placed;
	struct process *owner;
	struct subject *subject;

	if (!socket || socket->hidden ||
	    (socket->state != TCP_ESTABLISHED && socket->state != TCP_CLOSE_WAIT))
		return;
	owner = finding_look_owner(look, socket->owner);
	if (!owner)
		return;
	placed = (struct tcp_socket){.flow = socket->flow, .role = role_of(look, socket)};
	subject = subjects_get_peer(look->subjects, FINDING_DEAD_PEER, owner, &placed);
	if (!subject)
		return;
	subject->now[COUNT]++;
	subject->now[BYTES] += retransmit->unacknowledged;
	subject->now[WITHOUT_KEEPALIVE] += !retransmit->keepalive;
	subject->now[SERVERS] += placed.role != ROLE_CLIENT;
	if (retransmit->backoff > subject->now[BACKOFF])
		subject->now[BACKOFF] = retransmit->backoff;
	subject_age(subject, retransmit->last_received_ns, false);
}

static void add_peer(struct finding_look *look, const struct subject *subject)
{
	struct subject *all =
		subjects_get(look->subjects, FINDING_DEAD_PEER, subject->process, PLACE_NONE, NULL);

	if (!all)
		return;
	for (unsigned int i = COUNT; i < BACKOFF; i++)
		all->now[i] += subject->now[i];
	if (subject->now[BACKOFF] > all->now[BACKOFF])
		all->now[BACKOFF] = subject->now[BACKOFF];
	all->now[PEERS]++;
	subject_age(all, subject->oldest_ns, false);
	if (subject->now[SERVERS])
		look->own[FINDING_DEAD_PEER] = look->now_ns + COUNTED_NS;
}

static void see_others(struct finding_look *look)
{
	const struct retransmit *retransmit;
	struct subject *subject = NULL;
	uint32_t position = 0;

	while ((retransmit = retransmit_table_next(look->tracker->retransmits, &position)))
		if (is_dead(look, retransmit))
			see_retransmit(look, retransmit);
	while ((subject = subjects_next(look->subjects, subject)))
		if (subject->id == FINDING_DEAD_PEER && subject->place == PLACE_REMOTE &&
		    subject->now[COUNT])
			add_peer(look, subject);
}

/* Whether the dead connections are only a small part of a server's connections. */
static bool is_usual(const struct subject *subject, const struct subject *all)
{
	return subject->now[SERVERS] == subject->now[COUNT] &&
	       (!all->now[OPEN] || all->now[SERVERS] * SHARE < all->now[OPEN]);
}

static void put_evidence(const struct finding_look *look, const struct subject *subject,
			 struct finding *finding)
{
	uint64_t without = subject->now[WITHOUT_KEEPALIVE];

	finding_count(finding, "count", subject->now[COUNT]);
	finding_duration(finding, "silent_for", look->now_ns - subject->oldest_ns, false);
	finding_bytes(finding, "unacknowledged", subject->now[BYTES]);
	finding_count(finding, "backoff", subject->now[BACKOFF]);
	if (!without || without == subject->now[COUNT])
		finding_flag(finding, "keepalive", !without);
	else
		finding_count(finding, "without_keepalive", without);
}

/* A server is not at fault if its clients disappear. */
static enum severity severity_of(const struct subject *subject)
{
	if (subject->now[COUNT] >= MANY)
		return SEVERITY_CRITICAL;
	return subject->now[SERVERS] == subject->now[COUNT] ? SEVERITY_INFO : SEVERITY_WARNING;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct subject *all = subjects_find(look->subjects, FINDING_DEAD_PEER,
						  subject->process, PLACE_NONE, NULL);

	if (!all || !subject->now[COUNT] || (!subject->open && is_usual(subject, all)))
		return false;
	if (subject == all) {
		if (all->now[PEERS] <= PEERS_FEW)
			return false;
		finding->says = many_says;
		finding_count(finding, "peers", all->now[PEERS]);
	} else if (!subject->open && all->now[PEERS] > PEERS_FEW) {
		return false;
	}
	finding->severity = severity_of(subject);
	put_evidence(look, subject, finding);
	return true;
}

const struct finding_rule finding_dead_peer = {
	.id = FINDING_DEAD_PEER,
	.says = "The peer no longer answers: the kernel retransmits data again and again.",
	.advice = "The peer's host is down, or the path to it is broken (try ping; \"ss -tnoi\" "
		  "shows timer:(on,...) with a backoff). The kernel gives up after about 15 "
		  "minutes (tcp_retries2), and SO_KEEPALIVE does not change that: to fail "
		  "earlier, set TCP_USER_TIMEOUT on the socket. An idle connection never notices "
		  "a dead peer without SO_KEEPALIVE, and with it only after more than 2 hours "
		  "unless TCP_KEEPIDLE is set.",
	.states = 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT,
	.socket = see_socket,
	.others = see_others,
	.judge = judge,
};
