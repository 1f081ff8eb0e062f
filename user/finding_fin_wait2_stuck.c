// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* fin-wait2-stuck: this side has closed, and the peer does not. */
#include "finding_rule.h"
#include "units.h"

/* A half-closed connection may wait for an answer: longer than most requests take, shorter than
 * the minute after which the kernel ends an orphan. */
#define STUCK_NS (30 * NS_PER_S)
/* One may be on purpose, these many are a habit. */
#define MANY 10
/* An orphan goes after tcp_fin_timeout, so that few are normal; these many are memory, and of the
 * kernel's default limit (tcp_max_orphans, 4096 and more) a good part. */
#define ORPHANS 1000

enum { ORPHANED };	    /* now */
enum { HELD, HELD_OLDEST }; /* scanned; when the oldest one began */

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	(void)owner;
	if (socket->since_ns + STUCK_NS > look->now_ns)
		return;
	/* Whether it is silent, and held, the kernel knows. */
	look->wanted.states |= 1u << TCP_FIN_WAIT2;
	look->wanted.descriptors = true;
}

static void see_mini(struct finding_look *look, const struct mini_socket *mini,
		     struct process *owner)
{
	struct subject *subject =
		subjects_get(look->subjects, FINDING_FIN_WAIT2_STUCK, owner, PLACE_NONE, NULL);

	if (!subject)
		return;
	subject->now[ORPHANED]++;
	if (mini->since_known)
		subject_age(subject, mini->since_ns, false);
}

static void see_record(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *socket = finding_look_socket(look, record);
	struct subject *subject;

	if (!socket || record->header.kind != EVENT_SCAN_FD || record->state != TCP_FIN_WAIT2 ||
	    socket->state != TCP_FIN_WAIT2 || socket->since_ns + STUCK_NS > look->now_ns ||
	    record->last_received_ticks * look->tick_ns < STUCK_NS)
		return;
	subject = subjects_get_peer(look->subjects, FINDING_FIN_WAIT2_STUCK,
				    finding_look_owner(look, socket->owner), socket);
	if (!subject)
		return;
	subject->scanned[HELD]++;
	if (!subject->scanned[HELD_OLDEST] || socket->since_ns < subject->scanned[HELD_OLDEST])
		subject->scanned[HELD_OLDEST] = socket->since_ns;
}

static bool judge_orphans(struct finding_look *look, struct subject *subject,
			  struct finding *finding)
{
	if (subject->now[ORPHANED] < ORPHANS)
		return false;
	finding->severity = SEVERITY_WARNING;
	finding->advice = "The kernel ends each after tcp_fin_timeout (60 s unless changed); a "
			  "shorter one frees memory sooner. Look at why the peers do not close: "
			  "they hold these connections in CLOSE_WAIT, or are gone.";
	finding_count(finding, "orphaned", subject->now[ORPHANED]);
	if (subject->oldest_ns)
		finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns, false);
	return true;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (subject->place == PLACE_NONE)
		return judge_orphans(look, subject, finding);
	if (!subject->scanned[HELD])
		return false;
	finding->severity = subject->scanned[HELD] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding_count(finding, "held", subject->scanned[HELD]);
	finding_duration(finding, "oldest", look->now_ns - subject->scanned[HELD_OLDEST], false);
	finding_duration(finding, "silent_for", STUCK_NS, true);
	return true;
}

const struct finding_rule finding_fin_wait2_stuck = {
	.id = FINDING_FIN_WAIT2_STUCK,
	.says = "This side has shut its connections down; the peer has not closed and is silent.",
	.advice =
		"The sockets are still held by the process, so no timeout ends them: tcp_fin_timeout is for "
		"sockets that were closed. Let the process close() after shutdown() when the answer does not "
		"come in time, and look at the peer: it is in CLOSE_WAIT there, or gone.",
	.states = 1u << TCP_FIN_WAIT2,
	.mini_states = 1u << TCP_FIN_WAIT2,
	.socket = see_socket,
	.mini = see_mini,
	.record = see_record,
	.judge = judge,
};
