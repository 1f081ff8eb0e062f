// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * fin-wait2-stuck: this side has closed, and the peer does not.
 *
 * Only a scan shows whether a process still holds a socket and whether data still arrives. A scan
 * is wanted if the tables have sockets that are old enough.
 */
#include "finding/rule.h"
#include "base/units.h"

/* Held sockets: a process may wait as long as the kernel waits for an orphan, which is
 * tcp_fin_timeout, and at least for this time. */
#define HELD_NS (30 * NS_PER_S)
/* From this many held sockets on the severity is warning: fewer may wait on purpose. */
#define MANY 10
/* Orphans: a peer that closes does so within milliseconds, or on a poor path within seconds. */
#define ORPHAN_NS (20 * NS_PER_S)
/* Orphans end by themselves, and peers in the internet disappear at any time. This many orphans of
 * one peer address mean that a program there does not close. */
#define ORPHANS 100
/* This many take a good part of a megabyte of memory. */
#define MANY_ORPHANS 1000
/* Without the hooks for mini-sockets the table may have orphans that are gone. This is the time to
 * the next scan if a scan found only a few. */
#define PAUSE_NS (30 * NS_PER_S)
/* The age at which the result of a scan is out of date. */
#define FORGET_NS (60 * NS_PER_S)

/* Of all peers together (PLACE_NONE): */
enum { OLD };			/* now */
enum { FOUND };			/* scanned */
enum { ASKED_AT, ANSWERED_AT }; /* ever; a peer has only ANSWERED_AT */
/* Of a peer: */
enum { HELD, ORPHANED, OLDEST, AT_LEAST, SILENT }; /* scanned */

static struct subject *all_of(struct finding_look *look)
{
	return subjects_get(look->subjects, FINDING_FIN_WAIT2_STUCK, NULL, PLACE_NONE, NULL);
}

static uint64_t held_ns(struct finding_look *look, uint32_t netns)
{
	const struct net_settings *settings = finding_look_settings(look, netns);
	uint64_t timeout_ns =
		(settings ? *settings : NET_SETTINGS_DEFAULT).fin_timeout_s * NS_PER_S;

	return timeout_ns > HELD_NS ? timeout_ns : HELD_NS;
}

static void see_socket(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner)
{
	(void)owner;
	if (socket->since_ns + HELD_NS > look->now_ns || /* without a look at settings */
	    socket->since_ns + held_ns(look, socket->flow.netns) > look->now_ns)
		return;
	look->wanted.states |= 1u << TCP_FIN_WAIT2;
	look->wanted.descriptors = true;
}

static bool is_old(const struct finding_look *look, const struct mini_socket *mini)
{
	return mini->since_known && mini->since_ns + ORPHAN_NS <= look->now_ns;
}

static void see_mini(struct finding_look *look, const struct mini_socket *mini,
		     struct process *owner)
{
	struct subject *all;

	(void)owner;
	if (!is_old(look, mini))
		return;
	netns_set_add(&look->netns[FINDING_FIN_WAIT2_STUCK], mini->netns);
	all = all_of(look);
	if (all)
		all->now[OLD]++;
}

static void see_others(struct finding_look *look)
{
	struct subject *all = all_of(look);

	if (!all || all->now[OLD] < ORPHANS)
		return;
	if (all->scanned[FOUND] < ORPHANS && all->ever[ASKED_AT] &&
	    all->ever[ASKED_AT] + PAUSE_NS > look->now_ns)
		return;
	all->ever[ASKED_AT] = look->now_ns;
	netns_set_add_set(&look->wanted.tables, &look->netns[FINDING_FIN_WAIT2_STUCK]);
	look->wanted.mini_states |= 1u << TCP_FIN_WAIT2;
}

/* Counts a socket of a peer. NULL if the owner is not watched or there is no room for the peer. */
static struct subject *add(struct finding_look *look, struct process *owner,
			   const struct tcp_socket *socket, unsigned int number)
{
	struct subject *subject =
		owner ? subjects_get_peer(look->subjects, FINDING_FIN_WAIT2_STUCK, owner, socket)
		      : NULL;

	if (!subject)
		return NULL;
	subject->ever[ANSWERED_AT] = look->now_ns;
	subject->scanned[number]++;
	if (!subject->scanned[OLDEST] || socket->since_ns < subject->scanned[OLDEST]) {
		subject->scanned[OLDEST] = socket->since_ns;
		subject->scanned[AT_LEAST] = !socket->since_known;
	}
	return subject;
}

static void held_record(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *socket = finding_look_socket(look, record);
	uint64_t silent_ns, least_ns;
	struct subject *subject;

	if (!socket || socket->state != TCP_FIN_WAIT2 || !record->last_received_ticks)
		return;
	/* As of now_ns: a lower bound, which is never longer than the socket has been silent. */
	silent_ns = (record->last_received_ticks - 1) * look->tick_ns;
	silent_ns -= silent_ns < look->read_after_ns ? silent_ns : look->read_after_ns;
	least_ns = held_ns(look, socket->flow.netns);
	if (silent_ns < least_ns || socket->since_ns + least_ns > look->now_ns)
		return;
	subject = add(look, finding_look_owner(look, socket->owner), socket, HELD);
	if (subject && (!subject->scanned[SILENT] || silent_ns < subject->scanned[SILENT]))
		subject->scanned[SILENT] = silent_ns;
}

static void orphan_record(struct finding_look *look, const struct event_scan *record)
{
	const struct mini_socket *mini = mini_table_find(look->tracker->minis, record->cookie);
	struct subject *all = all_of(look);
	struct tcp_socket socket = {0};

	if (!mini || mini->hidden || mini->state != TCP_FIN_WAIT2 || !is_old(look, mini))
		return;
	if (all)
		all->scanned[FOUND]++;
	flow_read(&socket.flow, &record->flow, record->header.netns);
	socket.role = mini->role;
	socket.since_ns = mini->since_ns;
	socket.since_known = true;
	add(look, finding_look_owner(look, mini->owner), &socket, ORPHANED);
}

static void see_record(struct finding_look *look, const struct event_scan *record)
{
	if (record->state != TCP_FIN_WAIT2)
		return;
	if (record->header.kind == EVENT_SCAN_FD)
		held_record(look, record);
	else if (record->header.kind == EVENT_SCAN_MINI)
		orphan_record(look, record);
}

static void judge_orphans(struct finding_look *look, const struct subject *subject,
			  struct finding *finding)
{
	const struct net_settings *settings = finding_look_settings(look, subject->flow.netns);

	if (subject->scanned[ORPHANED] >= MANY_ORPHANS)
		finding->severity = SEVERITY_WARNING;
	finding_count(finding, "orphaned", subject->scanned[ORPHANED]);
	if (settings)
		finding_duration(finding, "tcp_fin_timeout", settings->fin_timeout_s * NS_PER_S,
				 false);
	if (subject->scanned[HELD])
		return;
	finding->says =
		"This process has closed its connections, but the peer keeps its side open.";
	finding->advice =
		"No process holds these sockets any more: the kernel removes each of them after "
		"tcp_fin_timeout, and a shorter one frees memory sooner. The cause is the peer, "
		"which holds them in CLOSE_WAIT or is out of reach: run tcpwatch there. \"ss "
		"-tno state fin-wait-2\" lists the sockets, with the time that is left.";
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	bool orphans = subject->scanned[ORPHANED] >= ORPHANS;

	if (subject->place != PLACE_REMOTE || (!subject->scanned[HELD] && !orphans) ||
	    subject->ever[ANSWERED_AT] + FORGET_NS < look->now_ns)
		return false;
	finding->severity = subject->scanned[HELD] < MANY ? SEVERITY_INFO : SEVERITY_WARNING;
	finding_count(finding, "count", subject->scanned[HELD] + subject->scanned[ORPHANED]);
	finding_duration(finding, "oldest", look->now_ns - subject->scanned[OLDEST],
			 subject->scanned[AT_LEAST]);
	if (subject->scanned[HELD]) {
		finding_count(finding, "held", subject->scanned[HELD]);
		finding_duration(finding, "silent_for", subject->scanned[SILENT], true);
	}
	if (subject->scanned[ORPHANED])
		judge_orphans(look, subject, finding);
	return true;
}

const struct finding_rule finding_fin_wait2_stuck = {
	.id = FINDING_FIN_WAIT2_STUCK,
	.says = "This process has shut down its side of these connections and still holds them; "
		"the peer neither closes nor sends anything.",
	.advice = "No timeout ends a FIN_WAIT2 socket that a process holds: tcp_fin_timeout "
		  "applies only after close(). Give the process a deadline for the end of the "
		  "response, and call close() when it passes. On the peer, look for the same "
		  "connections in CLOSE_WAIT. \"ss -tnop state fin-wait-2\" lists the sockets and "
		  "the processes that hold them.",
	.states = 1u << TCP_FIN_WAIT2,
	.mini_states = 1u << TCP_FIN_WAIT2,
	.socket = see_socket,
	.mini = see_mini,
	.others = see_others,
	.record = see_record,
	.judge = judge,
};
