// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* last-ack-stuck: the peer closed, we closed, and our FIN is not acknowledged. */
#include "finding_rule.h"
#include "units.h"

/* A round trip and some repetitions: 0.2 s doubled five times is 6 s, the longest that a bad but
 * living path takes. */
#define STUCK_NS (10 * NS_PER_S)
/* One is a peer that went away; these many are a firewall, or a host that is down. */
#define MANY 10

enum { COUNT };

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	struct subject *subject;

	if (socket->since_ns + STUCK_NS > look->now_ns)
		return;
	subject = subjects_get_peer(look->subjects, FINDING_LAST_ACK_STUCK, owner, socket);
	if (!subject)
		return;
	subject->now[COUNT]++;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (!subject->now[COUNT])
		return false;
	finding->severity = subject->now[COUNT] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding_count(finding, "count", subject->now[COUNT]);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
	return true;
}

const struct finding_rule finding_last_ack_stuck = {
	.id = FINDING_LAST_ACK_STUCK,
	.says = "Both sides have closed, and the peer does not acknowledge our FIN.",
	.advice =
		"The kernel repeats it and gives up after tcp_orphan_retries (8 by default, some 100 s); nothing "
		"leaks. If there are many, a firewall forgets connections before they end, or the peer's host "
		"is down: look at the path to it.",
	.states = 1u << TCP_LAST_ACK,
	.socket = see_socket,
	.judge = judge,
};
