// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* syn-flood: half-open connections pile up on a listener. */
#include "finding_rule.h"
#include "units.h"

/* SYN-ACKs that have to be sent again, a second: a few are peers behind bad links. */
#define REPEATED_PER_S 5
#define WITHIN_NS      (5 * NS_PER_S)
/* So many that were answered and stay unconfirmed for a second are no round trip any more. */
#define HALF_OPEN 32
#define OLD_NS	  (1 * NS_PER_S)

enum { SUSPECT };		/* now */
enum { HALF, OLD, OLDEST_AGE }; /* scanned; the last: ns */
enum { REPEATED };		/* trends */

static struct subject *subject_of(struct finding_look *look, const struct tcp_socket *listener)
{
	struct process *owner = finding_look_owner(look, listener->owner);

	if (listener->hidden || !owner)
		return NULL;
	return subjects_get(look->subjects, FINDING_SYN_FLOOD, owner, PLACE_LOCAL, &listener->flow);
}

/* The kernel's tables are asked only where SYN-ACKs are sent again. */
static void see_others(struct finding_look *look)
{
	const struct segment_trouble *trouble;
	uint32_t position = 0;

	while ((trouble = segment_table_next(look->tracker->segments, &position))) {
		const struct tcp_socket *listener;
		struct subject *subject;

		if (!trouble->synacks)
			continue;
		listener = socket_table_find(look->tracker->sockets, trouble->cookie);
		subject = listener ? subject_of(look, listener) : NULL;
		if (!subject)
			continue;
		trend_add(&subject->trends[REPEATED], look->now_ns, trouble->synacks);
		if (trend_per_second(&subject->trends[REPEATED], WITHIN_NS, NULL) < REPEATED_PER_S)
			continue;
		subject->now[SUSPECT]++;
		look->wanted.mini_states |= 1u << TCP_SYN_RECV;
		look->wanted.tables = true;
	}
}

static void see_record(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *listener;
	struct subject *subject;
	struct flow flow;
	uint64_t age_ns;
	bool several;

	if (record->header.kind != EVENT_SCAN_MINI || record->state != TCP_SYN_RECV)
		return;
	flow_read(&flow, &record->flow, record->header.netns);
	listener = listener_index_find(look->tracker->listeners, &flow, &several);
	subject = listener ? subject_of(look, listener) : NULL;
	if (!subject)
		return;
	age_ns = record->mini.age_us < record->time_ns / NS_PER_US ? record->mini.age_us * NS_PER_US
								   : 0;
	subject->scanned[HALF]++;
	subject->scanned[OLD] += age_ns >= OLD_NS;
	if (age_ns > subject->scanned[OLDEST_AGE])
		subject->scanned[OLDEST_AGE] = age_ns;
}

static const char *cookies_text(uint32_t syncookies)
{
	return syncookies == 0 ? "off" : syncookies == 1 ? "when the queue is full" : "always";
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct net_settings *settings;

	if (!subject->now[SUSPECT] || subject->scanned[OLD] < HALF_OPEN)
		return false;
	settings = finding_look_settings(look, subject->flow.netns);
	finding->severity =
		settings && !settings->syncookies ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	finding_count(finding, "half_open", subject->scanned[HALF]);
	finding_duration(finding, "oldest", subject->scanned[OLDEST_AGE], false);
	finding_rate(finding, "synack_repeated", EVIDENCE_PER_SECOND,
		     trend_per_second(&subject->trends[REPEATED], WITHIN_NS, NULL));
	if (settings) {
		finding_text(finding, "syncookies", cookies_text(settings->syncookies));
		finding_count(finding, "max_syn_backlog", settings->max_syn_backlog);
	}
	return true;
}

const struct finding_rule finding_syn_flood = {
	.id = FINDING_SYN_FLOOD,
	.says = "SYNs come that nobody completes: half-open connections pile up on this listener.",
	.advice =
		"Keep net.ipv4.tcp_syncookies at 1: then real clients get in while the queue is full. Look at the "
		"peers (ss -tn state syn-recv): many addresses mean forged ones, to be filtered before this "
		"host; one address may be a peer whose way back is cut.",
	.others = see_others,
	.record = see_record,
	.judge = judge,
};
