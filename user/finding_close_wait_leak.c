// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* close-wait-leak: a process collects sockets whose peer has closed. */
#include "finding_rule.h"
#include "units.h"

/* One leak has its own line; these many are a habit. */
#define MANY 10
/* ... or fewer, if they grow in number while we look. */
#define FEW	  3
#define GROWTH_NS (60 * NS_PER_S)
/* ... that many at once are no growth. */
#define WATCHED_NS (20 * NS_PER_S)
/* The usual limit of descriptors is 1024: then accept() and open() fail. */
#define CRITICAL 500

enum { TREND_COUNT };

struct count {
	struct finding_look *look;
};

static void count_leak(void *context, const struct tcp_socket *socket, struct process *process,
		       enum leak_kind kind)
{
	struct finding_look *look = ((struct count *)context)->look;
	struct subject *subject;

	if (kind == LEAK_UNACCEPTED) /* accept-stall */
		return;
	if (kind == LEAK_UNREAD && socket->role == ROLE_CLIENT) /* an idle pool may do so */
		return;
	subject = subjects_get(look->subjects, FINDING_CLOSE_WAIT_LEAK,
			       finding_look_owner(look, process), PLACE_NONE, NULL);
	if (!subject)
		return;
	subject->now[kind]++;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static void others(struct finding_look *look)
{
	struct count count = {.look = look};

	leak_watch_each(look->leaks, count_leak, &count);
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	uint64_t count = 0, over_ns;
	double growth;

	for (int kind = 0; kind < LEAK_KINDS; kind++)
		count += subject->now[kind];
	trend_add(&subject->trends[TREND_COUNT], look->now_ns, count);
	growth = trend_per_second(&subject->trends[TREND_COUNT], GROWTH_NS, &over_ns) * 60;
	if (count < FEW || (count < MANY && (growth < FEW || over_ns < WATCHED_NS)))
		return false;
	finding->severity = count >= CRITICAL ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	finding_count(finding, "count", count);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		if (subject->now[kind])
			finding_count(finding, leak_kind_name((enum leak_kind)kind),
				      subject->now[kind]);
	if (over_ns >= WATCHED_NS)
		finding_rate(finding, "growth", EVIDENCE_PER_MINUTE, growth);
	return true;
}

const struct finding_rule finding_close_wait_leak = {
	.id = FINDING_CLOSE_WAIT_LEAK,
	.says = "The peers have closed these connections; the process has not.",
	.advice =
		"Close the socket when a read returns 0 or an error, on each path of the code. No sysctl "
		"ends CLOSE_WAIT; until the program is mended, only its restart does.",
	.others = others,
	.judge = judge,
};
