// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * last-ack-stuck: the peer closed, we closed, and our FIN is not acknowledged.
 *
 * The time in LAST_ACK alone proves nothing: a large response to a slow reader is sent in LAST_ACK
 * too. What counts are retransmissions without an answer.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "finding/rule.h"
#include "base/units.h"

/* The minimum time in LAST_ACK: longer than a route needs to change. */
#define STUCK_NS (10 * NS_PER_S)
/* The minimum of retransmissions without an answer. If the first timeout is 1 s, they take 15 s. */
#define TIMEOUTS 4
/* Clients in the internet disappear without notice at any time, a browser with its six connections
 * at once. In a private network a single socket is unusual, elsewhere this many of one peer are. */
#define MANY 10

/* How late the timer of the next retransmission may be. */
#define LATE_NS (3 * NS_PER_S)

enum { COUNT, REPEATED, BYTES }; /* now */

/* Whether the socket still retransmits. Its timeout doubles each time, so the next retransmission
 * is due at the latest when as much time has passed again as all before it took together. If it
 * does not come, the peer acknowledges data. */
static bool is_current(const struct finding_look *look, const struct retransmit *retransmit)
{
	uint64_t took_ns = retransmit->last_ns - retransmit->first_ns;

	return look->now_ns <= retransmit->last_ns + 2 * took_ns + LATE_NS;
}

static bool is_stuck(const struct finding_look *look, const struct tcp_socket *socket,
		     const struct retransmit *retransmit)
{
	return socket->state == TCP_LAST_ACK && retransmit->state == TCP_LAST_ACK &&
	       socket->since_ns + STUCK_NS <= look->now_ns && retransmit->timeouts >= TIMEOUTS &&
	       is_current(look, retransmit);
}

static void see_retransmit(struct finding_look *look, const struct retransmit *retransmit)
{
	const struct tcp_socket *socket =
		socket_table_find(look->tracker->sockets, retransmit->cookie);
	struct process *owner;
	struct subject *subject;

	if (!socket || socket->hidden || !is_stuck(look, socket, retransmit))
		return;
	owner = finding_look_owner(look, socket->owner);
	subject = owner ? subjects_get_peer(look->subjects, FINDING_LAST_ACK_STUCK, owner, socket)
			: NULL;
	if (!subject)
		return;
	subject->now[COUNT]++;
	subject->now[REPEATED] += retransmit->repeated;
	subject->now[BYTES] += retransmit->unacknowledged;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static void see_others(struct finding_look *look)
{
	const struct retransmit *retransmit;
	uint32_t position = 0;

	while ((retransmit = retransmit_table_next(look->tracker->retransmits, &position)))
		see_retransmit(look, retransmit);
}

/* Whether the peer is in a private network: private, unique local or link local, or this host. */
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
