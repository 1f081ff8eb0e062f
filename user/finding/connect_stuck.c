// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * connect-stuck: connection attempts get no answer.
 *
 * Each peer is judged by the attempts that wait now and by those that were given up. If many peers
 * of one process are silent, there is a single finding for the process.
 */
#include "finding/rule.h"
#include "base/units.h"

/* By then the SYN was retransmitted after 1, 2 and 3 s (before Linux 6.5 after 1 and 3 s): the loss
 * of three or more SYNs in a row is not by chance. */
#define STUCK_NS (4 * NS_PER_S)
/* Several attempts at once, or one after the other: not just one host that is restarting. */
#define FEW 3
/* A single attempt counts after this time: most programs have a shorter timeout for connect(). */
#define ALONE_NS (10 * NS_PER_S)
/* From this many attempts on the severity is warning. */
#define MANY 5
/* An attempt that was given up sooner does not count: clients that try several addresses at once
 * ("happy eyeballs") close the slower sockets after about 0.3 s. */
#define GAVE_UP_NS (1 * NS_PER_S)
/* Older attempts do not count. */
#define TRIED_NS (60 * NS_PER_S)
/* More silent peers than this have a common cause on this host, or the program works like that. */
#define PEERS_FEW 5

/* look->own[]: until this time answers are counted, since attempts without one were given up. */

/* Of a peer (process, PLACE_REMOTE), and of all peers of a process (PLACE_NONE): */
enum { WAIT, COUNTED, RETRANSMITS, GIVEN_UP, PEERS }; /* now */
enum { GAVE_UP, GAVE_UP_AT };			      /* ever: since the last answer */

static const char many_says[] =
	"Connection attempts to many peers get no answer, not even a refusal.";
static const char many_advice[] =
	"If many peers are silent, the cause is usually on this host or next to it: its routes, "
	"its firewall (\"nft list ruleset\"), a full conntrack table (\"conntrack -S\"), or a "
	"firewall in front of it. For a crawler or a peer-to-peer client this is normal. \"ss "
	"-tnop state syn-sent\" lists all attempts.";

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	const struct retransmit *retransmit;
	struct subject *subject;

	if (socket->since_ns + STUCK_NS > look->now_ns)
		return;
	subject = subjects_get_peer(look->subjects, FINDING_CONNECT_STUCK, owner, socket);
	if (!subject)
		return;
	retransmit = retransmit_table_find(look->tracker->retransmits, socket->cookie);
	subject->now[WAIT]++;
	if (retransmit && retransmit->state == TCP_SYN_SENT) {
		subject->now[COUNTED]++;
		subject->now[RETRANSMITS] += retransmit->timeouts;
	}
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static void answered(struct finding_look *look, struct process *owner,
		     const struct tcp_socket *socket)
{
	struct subject *subject = subjects_find(look->subjects, FINDING_CONNECT_STUCK, owner,
						PLACE_REMOTE, &socket->flow);

	if (subject)
		subject->ever[GAVE_UP] = 0;
}

static void changed(struct finding_look *look, const struct change *change)
{
	struct tcp_socket socket = {.role = ROLE_CLIENT};
	struct process *owner;
	struct subject *subject;

	socket.flow = *change->flow;
	owner = finding_look_owner(look, change->owner);
	if (!owner)
		return;
	if (change->to != TCP_CLOSE || change->cause == CAUSE_REFUSED) {
		if (change->time_ns < look->own[FINDING_CONNECT_STUCK])
			answered(look, owner, &socket);
		return;
	}
	if (change->cause != CAUSE_TIMEOUT &&
	    (change->cause != CAUSE_CLOSED || change->lifetime_ns == DURATION_UNKNOWN ||
	     change->lifetime_ns < GAVE_UP_NS))
		return;
	subject = subjects_get_peer(look->subjects, FINDING_CONNECT_STUCK, owner, &socket);
	if (!subject)
		return;
	subject->ever[GAVE_UP]++;
	subject->ever[GAVE_UP_AT] = change->time_ns;
	look->own[FINDING_CONNECT_STUCK] = change->time_ns + SUBJECT_KEPT_NS;
}

static bool is_stuck(const struct finding_look *look, const struct subject *subject)
{
	uint64_t count = subject->now[WAIT];

	if (subject->place != PLACE_REMOTE)
		return false;
	return count >= FEW || (count && subject->oldest_ns + ALONE_NS <= look->now_ns) ||
	       (subject->ever[GAVE_UP] >= FEW &&
		subject->ever[GAVE_UP_AT] + TRIED_NS > look->now_ns);
}

static void add_peer(struct finding_look *look, const struct subject *subject)
{
	struct subject *all = subjects_get(look->subjects, FINDING_CONNECT_STUCK, subject->process,
					   PLACE_NONE, NULL);

	if (!all)
		return;
	for (unsigned int i = WAIT; i < PEERS; i++)
		all->now[i] += subject->now[i];
	all->now[PEERS]++;
	if (subject->now[WAIT])
		subject_age(all, subject->oldest_ns, subject->oldest_at_least);
}

static void see_others(struct finding_look *look)
{
	struct subject *subject = NULL;

	while ((subject = subjects_next(look->subjects, subject))) {
		if (subject->id != FINDING_CONNECT_STUCK || subject->place != PLACE_REMOTE)
			continue;
		subject->now[GIVEN_UP] = subject->ever[GAVE_UP];
		if (is_stuck(look, subject))
			add_peer(look, subject);
	}
}

static void put_evidence(const struct finding_look *look, const struct subject *subject,
			 struct finding *finding)
{
	finding_count(finding, "count", subject->now[WAIT] + subject->now[GIVEN_UP]);
	if (subject->now[GIVEN_UP]) {
		finding_count(finding, "waiting", subject->now[WAIT]);
		finding_count(finding, "gave_up", subject->now[GIVEN_UP]);
	}
	if (!subject->now[WAIT])
		return;
	/* A socket older than tcpwatch has no entry until its SYN is retransmitted again. */
	if (feature_has(look->tracker->features, FEATURE_RETRANSMITS) &&
	    subject->now[COUNTED] == subject->now[WAIT])
		finding_count(finding, "retransmits", subject->now[RETRANSMITS]);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
}

static bool judge_process(struct finding_look *look, const struct subject *all,
			  struct finding *finding)
{
	if (all->now[PEERS] <= PEERS_FEW)
		return false;
	finding->severity =
		all->now[WAIT] < all->now[PEERS] + MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding->says = many_says;
	finding->advice = many_advice;
	finding_count(finding, "peers", all->now[PEERS]);
	put_evidence(look, all, finding);
	return true;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct subject *all = subjects_find(look->subjects, FINDING_CONNECT_STUCK,
						  subject->process, PLACE_NONE, NULL);

	if (subject->place == PLACE_NONE)
		return judge_process(look, subject, finding);
	if (!is_stuck(look, subject) || (!subject->open && all && all->now[PEERS] > PEERS_FEW))
		return false;
	finding->severity = subject->now[WAIT] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	put_evidence(look, subject, finding);
	return true;
}

const struct finding_rule finding_connect_stuck = {
	.id = FINDING_CONNECT_STUCK,
	.says = "These connection attempts get no answer, not even a refusal.",
	.advice = "Look for a firewall that drops the SYNs or the answers to them, a wrong "
		  "address or route, a host that is down, or a full accept queue on the peer "
		  "(\"ss -ltn\" there). Try \"nc -vz ADDRESS PORT\" from this network namespace; "
		  "\"ss -tnop state syn-sent\" lists the attempts. The kernel gives up only after "
		  "tcp_syn_retries (6, about two minutes): a program that must not wait so long "
		  "needs a timeout of its own, or TCP_SYNCNT on its sockets.",
	.states = 1u << TCP_SYN_SENT,
	.socket = see_socket,
	.from_states = 1u << TCP_SYN_SENT,
	.changed = changed,
	.others = see_others,
	.judge = judge,
};
