// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * last-ack-stuck: the peer closed, we closed, and our FIN is not acknowledged.
 *
 * Time alone tells nothing: a large answer to a slow reader is sent in LAST_ACK too. What counts is
 * that the kernel sends again and again, and hears nothing.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "finding/rule.h"
#include "base/units.h"

/* 0.2 s doubled five times: longer than a switch takes to come back. */
#define STUCK_NS (10 * NS_PER_S)
/* Repetitions without any answer; and where the first timeout is a second, so many are 15 s. */
#define TIMEOUTS 4
/* Clients out in the internet go away without a word all the time, a browser's six connections
 * together. Within our own networks one is strange; elsewhere these many of one peer are. */
#define MANY 10

/* The timer of the next repetition may be late by that. */
#define LATE_NS (3 * NS_PER_S)

enum { COUNT, REPEATED, BYTES }; /* now */

/* Its timer doubles: the next repetition is due before as much time as all took has passed again.
 * A record that is older is of a socket whose data is on its way now. */
static bool is_repeated_still(const struct finding_look *look, const struct retransmit *trouble)
{
	uint64_t took_ns = trouble->last_ns - trouble->first_ns;

	return look->now_ns <= trouble->last_ns + 2 * took_ns + LATE_NS;
}

static bool is_stuck(const struct finding_look *look, const struct tcp_socket *socket,
		     const struct retransmit *trouble)
{
	return socket->state == TCP_LAST_ACK && trouble->state == TCP_LAST_ACK &&
	       socket->since_ns + STUCK_NS <= look->now_ns && trouble->timeouts >= TIMEOUTS &&
	       is_repeated_still(look, trouble);
}

static void see_trouble(struct finding_look *look, const struct retransmit *trouble)
{
	const struct tcp_socket *socket =
		socket_table_find(look->tracker->sockets, trouble->cookie);
	struct process *owner;
	struct subject *subject;

	if (!socket || socket->hidden || !is_stuck(look, socket, trouble))
		return;
	owner = finding_look_owner(look, socket->owner);
	subject = owner ? subjects_get_peer(look->subjects, FINDING_LAST_ACK_STUCK, owner, socket)
			: NULL;
	if (!subject)
		return;
	subject->now[COUNT]++;
	subject->now[REPEATED] += trouble->repeated;
	subject->now[BYTES] += trouble->unacknowledged;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static void see_others(struct finding_look *look)
{
	const struct retransmit *trouble;
	uint32_t position = 0;

	while ((trouble = retransmit_table_next(look->tracker->retransmits, &position)))
		see_trouble(look, trouble);
}

/* In a network of our own: private, unique local, link local, or this host. */
static bool is_near(const struct flow *flow)
{
	const struct in6_addr *v6 = (const void *)flow->remote;
	uint32_t v4;

	if (flow->family != AF_INET)
		return (flow->remote[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(v6) ||
		       IN6_IS_ADDR_LOOPBACK(v6);
	v4 = (uint32_t)flow->remote[0] << 8 | flow->remote[1];
	return v4 >> 8 == 10 || v4 >> 8 == 127 || v4 >> 4 == 0xac1 || v4 == 0xc0a8 || v4 == 0xa9fe;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (!subject->now[COUNT] || (subject->now[COUNT] < MANY && !is_near(&subject->flow)))
		return false;
	finding->severity = subject->now[COUNT] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding_count(finding, "count", subject->now[COUNT]);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
	finding_count(finding, "retransmits", subject->now[REPEATED]);
	finding_bytes(finding, "unacknowledged", subject->now[BYTES]);
	return true;
}

const struct finding_rule finding_last_ack_stuck = {
	.id = FINDING_LAST_ACK_STUCK,
	.says = "Both sides have closed, but the peer does not acknowledge our FIN: the kernel "
		"retransmits it again and again.",
	.advice = "Nothing leaks: the kernel gives up by itself. After close() it does so after 8 "
		  "retransmissions, or about 100 s (tcp_orphan_retries); while the process still "
		  "holds the socket, only after tcp_retries2, about 15 minutes. Check the path to "
		  "this peer: a firewall or NAT may forget connections at the first FIN, or the "
		  "host is gone. \"ss -tno state last-ack\" shows the retransmissions.",
	.others = see_others,
	.judge = judge,
};
