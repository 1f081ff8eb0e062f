// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * descriptor-leak: connections have ended, and their process still holds the sockets.
 *
 * A reset, a timeout, or the end of a connection after shutdown() leaves a socket in CLOSE, of
 * which no table of the kernel knows: only its descriptor leads to it. A socket that was never
 * connected is in CLOSE, too; tcp_sock.write_seq is 0 until connect() or accept() (tcp_v4_connect()
 * in net/ipv4/tcp_ipv4.c, tcp_create_openreq_child() in net/ipv4/tcp_minisocks.c), and stays what
 * it was, or grows, after that (tcp_disconnect() in net/ipv4/tcp.c).
 */
#include <stdio.h>

#include "finding/rule.h"
#include "base/units.h"

/* A program that notices the end closes the socket at once; one that is busy, within seconds. */
#define HELD_NS (15 * NS_PER_S)
/* This many of the connections that a process accepted: it has no pool of those. */
#define ACCEPTED 10
/* This many in all: as of idle connections that the peer has closed, the largest usual pool keeps
 * 100, and may notice only when it wants to use one. */
#define MANY 101
/* It is critical if they are three quarters of the descriptors that the process may have. */
#define SPENT(limit) ((limit) / 4 * 3)
/* The time between scans, and how many times as long as a scan it is at least: all rules share the
 * time for scans, and on a host with a million descriptors one takes half a second. */
#define PAUSE_NS    (10 * NS_PER_S)
#define PAUSE_SHARE 300
/* How long after the next scan was due the result of the last one is out of date. */
#define FORGET_NS (60 * NS_PER_S)

/* subject->ever[]: as of the last scan, and each at +1 of the running one. FDS has FDS_NAMED
 * descriptors of 21 bits, plus 1 so that 0 is none. */
enum { HELD, SERVED = 2, OLDEST = 4, FDS = 6, RUNNING = 1 };
#define FDS_NAMED 3
#define FD_BITS	  21

/* Of all processes together (PLACE_NONE, no process): ever[] */
enum { ASKED, NEXT_AT, ANSWERED_AT, ENDED };

static struct subject *all_of(struct finding_look *look)
{
	return subjects_get(look->subjects, FINDING_DESCRIPTOR_LEAK, NULL, PLACE_NONE, NULL);
}

static void others(struct finding_look *look)
{
	uint64_t ended = look->tracker->ended_while_held;
	struct subject *all;

	if (!ended) /* nothing has ended, or was found in CLOSE at the start */
		return;
	all = all_of(look);
	if (!all)
		return;
	all->ever[ASKED] = 0;
	if (ended == all->ever[ENDED] && !closed_table_count(look->closed))
		return;
	if (all->ever[NEXT_AT] > look->now_ns)
		return;
	all->ever[ASKED] = ended;
	look->wanted.descriptors = true;
	look->wanted.states |= 1u << TCP_CLOSE;
}

/* The oldest holder that is watched, and its descriptor. NULL if there is none. */
static struct process *holder_of(struct finding_look *look, const struct event_scan *records,
				 uint32_t *fd)
{
	size_t count = scan_result_group(look->result, records);

	for (size_t i = 0; i < count && records[i].header.kind == EVENT_SCAN_FD; i++) {
		struct process *process =
			process_table_get(look->tracker->processes, &records[i].task);

		*fd = records[i].fd;
		if (process && process->watched)
			return process;
	}
	return NULL;
}

static void add_fd(struct subject *subject, uint32_t fd)
{
	uint64_t *fds = &subject->ever[FDS + RUNNING];
	uint64_t held = subject->ever[HELD + RUNNING];

	if (held < FDS_NAMED && fd + 1ULL < 1ULL << FD_BITS)
		*fds |= (fd + 1ULL) << (held * FD_BITS);
}

static void record(struct finding_look *look, const struct event_scan *record)
{
	struct subject *all, *subject;
	struct process *process;
	struct flow flow;
	uint64_t first_ns;
	uint32_t fd;
	bool several;

	if (record->state != TCP_CLOSE || record->header.kind != EVENT_SCAN_FD ||
	    !record->write_seq)
		return;
	all = subjects_find(look->subjects, FINDING_DESCRIPTOR_LEAK, NULL, PLACE_NONE, NULL);
	flow_read(&flow, &record->flow, record->header.netns);
	if (!all || !all->ever[ASKED] || !filter_has_flow(look->tracker->filter, &flow) ||
	    filter_hides_flow(look->tracker->filter, &flow))
		return;
	process = holder_of(look, record, &fd);
	first_ns = process ? closed_table_see(look->closed, record->cookie, record->write_seq,
					      look->now_ns)
			   : 0;
	if (!first_ns || first_ns + HELD_NS > look->now_ns)
		return;
	subject = subjects_get(look->subjects, FINDING_DESCRIPTOR_LEAK, process, PLACE_NONE, NULL);
	if (!subject)
		return;
	add_fd(subject, fd);
	subject->ever[HELD + RUNNING]++;
	subject->ever[SERVED + RUNNING] +=
		!!listener_index_find(look->tracker->listeners, &flow, &several);
	if (!subject->ever[OLDEST + RUNNING] || first_ns < subject->ever[OLDEST + RUNNING])
		subject->ever[OLDEST + RUNNING] = first_ns;
}

static uint64_t pause_after(const struct scan_result *result)
{
	uint64_t pause_ns = (result->ended_ns - result->started_ns) * PAUSE_SHARE;

	return pause_ns > PAUSE_NS ? pause_ns : PAUSE_NS;
}

static void scanned(struct finding_look *look)
{
	struct subject *all =
		subjects_find(look->subjects, FINDING_DESCRIPTOR_LEAK, NULL, PLACE_NONE, NULL);
	struct subject *subject = NULL;

	if (!all || !all->ever[ASKED])
		return;
	all->ever[ENDED] = all->ever[ASKED];
	all->ever[ASKED] = 0;
	all->ever[NEXT_AT] = look->now_ns + pause_after(look->result);
	all->ever[ANSWERED_AT] = look->now_ns;
	closed_table_scanned(look->closed);
	while ((subject = subjects_next(look->subjects, subject))) {
		if (subject->id != FINDING_DESCRIPTOR_LEAK || subject == all)
			continue;
		for (unsigned int i = HELD; i <= FDS; i += 2) {
			subject->ever[i] = subject->ever[i + RUNNING];
			subject->ever[i + RUNNING] = 0;
		}
	}
}

static void put_descriptors(struct finding *finding, const struct subject *subject)
{
	uint64_t fds = subject->ever[FDS], named = 0;
	char text[EVIDENCE_TEXT_LEN];
	int length = 0;

	for (; fds; fds >>= FD_BITS, named++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%llu",
				   length ? ", " : "",
				   (unsigned long long)(fds & ((1ULL << FD_BITS) - 1)) - 1);
	if (!named)
		return;
	if (named < subject->ever[HELD])
		snprintf(text + length, sizeof(text) - (size_t)length, " and %llu more",
			 (unsigned long long)(subject->ever[HELD] - named));
	finding_text(finding, "descriptors", text);
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct subject *all =
		subjects_find(look->subjects, FINDING_DESCRIPTOR_LEAK, NULL, PLACE_NONE, NULL);
	uint64_t limit = 0;

	if (!all || subject == all || all->ever[NEXT_AT] + FORGET_NS < look->now_ns)
		return false;
	if (subject->ever[SERVED] < ACCEPTED && subject->ever[HELD] < MANY)
		return false;
	if (all->ever[ANSWERED_AT] == look->now_ns) /* else there is no news */
		limit = finding_look_descriptors(look, subject->process);
	finding->severity =
		limit && subject->ever[HELD] >= SPENT(limit) ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	finding_count(finding, "count", subject->ever[HELD]);
	finding_duration(finding, "oldest", look->now_ns - subject->ever[OLDEST], true);
	put_descriptors(finding, subject);
	if (subject->ever[SERVED])
		finding_count(finding, "accepted", subject->ever[SERVED]);
	if (limit && limit != UINT64_MAX)
		finding_count(finding, "descriptor_limit", limit);
	return true;
}

const struct finding_rule finding_descriptor_leak = {
	.id = FINDING_DESCRIPTOR_LEAK,
	.says = "Closed sockets still held: these connections have ended, by a reset, a timeout or "
		"shutdown(), but this process has not called close().",
	.advice = "Close the socket on every error of a read, write or connect(), and after "
		  "shutdown(). Nothing but close(), or the end of the process, frees these "
		  "descriptors, and neither \"ss\" nor a table in /proc/net lists the sockets: "
		  "\"ls -l /proc/PID/fd\" does.",
	.others = others,
	.record = record,
	.scanned = scanned,
	.judge = judge,
};
