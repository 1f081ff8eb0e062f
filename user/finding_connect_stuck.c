// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* connect-stuck: SYNs without an answer. */
#include "finding_rule.h"
#include "units.h"

/* The SYN is sent again after 1 s and 3 s: two lost in a row are no chance any more. */
#define STUCK_NS (4 * NS_PER_S)
/* One may be a host that is switched off; these many wait for something that matters. */
#define MANY 5

enum { COUNT, REPEATED }; /* now */
enum { TIMED_OUT };	  /* ever */

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	const struct segment_trouble *trouble;
	struct subject *subject;

	if (socket->since_ns + STUCK_NS > look->now_ns)
		return;
	subject = subjects_get_peer(look->subjects, FINDING_CONNECT_STUCK, owner, socket);
	if (!subject)
		return;
	trouble = segment_table_find(look->tracker->segments, socket->cookie);
	subject->now[COUNT]++;
	subject->now[REPEATED] += trouble ? trouble->repeated : 0;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static void changed(struct finding_look *look, const struct change *change)
{
	const struct tcp_socket socket = {.flow = *change->flow, .role = ROLE_CLIENT};
	struct process *owner = finding_look_owner(look, change->owner);
	struct subject *subject;

	if (change->from != TCP_SYN_SENT || change->cause != CAUSE_TIMEOUT || !owner)
		return;
	subject = subjects_get_peer(look->subjects, FINDING_CONNECT_STUCK, owner, &socket);
	if (subject)
		subject->ever[TIMED_OUT]++;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (!subject->now[COUNT])
		return false;
	finding->severity = subject->now[COUNT] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding_count(finding, "count", subject->now[COUNT]);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
	if (feature_has(look->tracker->features, FEATURE_RETRANSMITS) && subject->now[REPEATED])
		finding_count(finding, "syn_repeated", subject->now[REPEATED]);
	if (subject->ever[TIMED_OUT])
		finding_count(finding, "timed_out", subject->ever[TIMED_OUT]);
	return true;
}

const struct finding_rule finding_connect_stuck = {
	.id = FINDING_CONNECT_STUCK,
	.says = "These connect() calls get no answer, not even a refusal.",
	.advice =
		"A firewall drops the SYNs, the host is down, or the address is wrong: try it with `nc -vz` from "
		"this network namespace. The kernel gives up after tcp_syn_retries (6: some two minutes); a program that "
		"must not wait so long needs a timeout of its own, or TCP_USER_TIMEOUT.",
	.states = 1u << TCP_SYN_SENT,
	.socket = see_socket,
	.changed = changed,
	.judge = judge,
};
