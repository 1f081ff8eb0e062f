// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * syn-flood: half-open connections pile up on a listener.
 *
 * Requests whose final ACK has come are no flood: TCP_DEFER_ACCEPT keeps silent clients so. They
 * are counted apart, and are no finding of their own: they take no descriptor, no time of the
 * program, and if they fill the queue, syncookies let others in.
 *
 * A scan is wanted only if SYN-ACKs are retransmitted. Listeners that share an address
 * (SO_REUSEPORT) count as one, since the kernel distributes connections among them.
 */
#include "finding/rule.h"

#include <string.h>

#include "base/units.h"

/* A scan is wanted from this rate of retransmitted SYN-ACKs on. */
#define REPEATED_PER_S 2
#define WITHIN_NS      (5 * NS_PER_S)
/* How many old half-open connections it takes, */
#define HALF_OPEN 32
/* or a listener's whole queue if that is smaller, but at least this many. */
#define HALF_OPEN_LEAST 8
/* At this age two SYN-ACKs or their answers were lost, or the round trip takes seconds. */
#define OLD_NS (2 * NS_PER_S)
/* A busy server with poor links always has some old ones. There must be more of them than one in
 * this many connections that complete in a second, as if a quarter of all were lost. */
#define COMPLETED_SHARE 2
#define COMPLETED_NS	(3 * NS_PER_S)
/* How long that must last: a burst after an outage of a second is over by then, and the rate over
 * COMPLETED_NS is known. */
#define PILED_NS (4 * NS_PER_S)
/* The rate of new ones is derived from those with an age between these two. */
#define RATE_FROM_NS (1 * NS_PER_S)
#define RATE_TO_NS   (3 * NS_PER_S)
/* The age at which the result of a scan is out of date. */
#define FORGET_NS (30 * NS_PER_S)

/* look->own[]: until this time, SUSPECT_NS after the last suspicion, connections that complete are
 * counted. */
#define SUSPECT_NS (10 * NS_PER_S)

enum { SYNACKS };								    /* now */
enum { HALF, OLD, RECENT, OLDEST_AGE, LIMIT, ACCEPT_FULL, ELSEWHERE, PEER, ACKED }; /* scanned */
enum { COMPLETED, SCANNED_AT, PILED_SINCE };					    /* ever */
enum { REPEATED, COMPLETIONS };							    /* trends */

static const char one_advice[] =
	"All of them come from one address. Either this is a real client, and a firewall or an "
	"asymmetric route drops the SYN-ACKs or the final ACKs, or it is an attacker that uses "
	"its own address. Capture packets on both sides to see what is lost, or block the "
	"address with nft. Keep net.ipv4.tcp_syncookies at 1, so that other clients can connect "
	"while the queue is full.";

/* The listener of a flow, and its owner; NULL if it is unknown, hidden or not watched. */
static const struct tcp_socket *listener_of(struct finding_look *look, const struct flow *flow,
					    struct process **owner)
{
	const struct tcp_socket *listener;
	bool several;

	listener = listener_index_find(look->tracker->listeners, flow, &several);
	if (!listener || listener->hidden)
		return NULL;
	*owner = finding_look_owner(look, several ? NULL : listener->owner);
	return *owner ? listener : NULL;
}

static struct subject *subject_find(struct finding_look *look, const struct flow *flow)
{
	struct process *owner;
	const struct tcp_socket *listener = listener_of(look, flow, &owner);

	if (!listener)
		return NULL;
	return subjects_find(look->subjects, FINDING_SYN_FLOOD, owner, PLACE_LOCAL,
			     &listener->flow);
}

static struct subject *subject_get(struct finding_look *look, const struct flow *flow)
{
	struct process *owner;
	const struct tcp_socket *listener = listener_of(look, flow, &owner);

	if (!listener)
		return NULL;
	return subjects_get(look->subjects, FINDING_SYN_FLOOD, owner, PLACE_LOCAL, &listener->flow);
}

/* The entry of a listener is kept until the listener is closed, so it may be old. */
static void see_retransmit(struct finding_look *look, const struct retransmit *retransmit)
{
	const struct tcp_socket *listener =
		socket_table_find(look->tracker->sockets, retransmit->cookie);
	struct subject *subject;

	if (!listener || listener->state != TCP_LISTEN)
		return;
	if (retransmit->last_ns + SUSPECT_NS > look->now_ns)
		subject = subject_get(look, &listener->flow);
	else
		subject = subject_find(look, &listener->flow);
	if (subject)
		subject->now[SYNACKS] += retransmit->synacks;
}

static void suspect(struct finding_look *look, struct subject *subject)
{
	trend_add(&subject->trends[REPEATED], look->now_ns, subject->now[SYNACKS]);
	trend_add(&subject->trends[COMPLETIONS], look->now_ns, subject->ever[COMPLETED]);
	if (trend_per_second(&subject->trends[REPEATED], WITHIN_NS, NULL) < REPEATED_PER_S &&
	    subject->scanned[OLD] < HALF_OPEN_LEAST)
		return;
	look->own[FINDING_SYN_FLOOD] = look->now_ns + SUSPECT_NS;
	look->wanted.mini_states |= 1u << TCP_SYN_RECV;
	look->wanted.states |= 1u << TCP_LISTEN;
	netns_set_add(&look->wanted.tables, subject->flow.netns);
}

static void see_others(struct finding_look *look)
{
	const struct retransmit *retransmit;
	struct subject *subject = NULL;
	uint32_t position = 0;

	while ((retransmit = retransmit_table_next(look->tracker->retransmits, &position)))
		if (retransmit->synacks)
			see_retransmit(look, retransmit);
	while ((subject = subjects_next(look->subjects, subject)))
		if (subject->id == FINDING_SYN_FLOOD)
			suspect(look, subject);
}

static void changed(struct finding_look *look, const struct change *change)
{
	struct subject *subject;

	if (change->time_ns >= look->own[FINDING_SYN_FLOOD] || change->to != TCP_ESTABLISHED)
		return;
	subject = subject_find(look, change->flow);
	if (subject)
		subject->ever[COMPLETED]++;
}

static void see_listener(struct finding_look *look, const struct event_scan *record)
{
	const struct tcp_socket *listener =
		socket_table_find(look->tracker->sockets, record->cookie);
	struct subject *subject = listener ? subject_find(look, &listener->flow) : NULL;

	if (!subject)
		return;
	subject->ever[SCANNED_AT] = look->now_ns;
	subject->scanned[LIMIT] += record->send_queue;
	/* sk_acceptq_is_full() in include/net/sock.h: a queue holds one more than its limit. */
	subject->scanned[ACCEPT_FULL] |= record->recv_queue > record->send_queue;
}

static uint64_t peer_hash(const struct flow *flow)
{
	uint64_t halves[2];

	memcpy(halves, flow->remote, sizeof(halves));
	return halves[0] * 0x9e3779b97f4a7c15ULL + halves[1];
}

static void see_half_open(struct finding_look *look, const struct event_scan *record)
{
	uint64_t age_ns = record->mini.age_us < record->time_ns / NS_PER_US
				  ? record->mini.age_us * NS_PER_US
				  : 0;
	struct subject *subject;
	struct flow flow;

	if (record->flow.flags & EVENT_REDIRECTED)
		return; /* of another listener than that of its address */
	flow_read(&flow, &record->flow, record->header.netns);
	subject = subject_find(look, &flow);
	if (!subject)
		return;
	if (record->flow.flags & EVENT_ACKED) {
		subject->scanned[ACKED]++;
		return;
	}
	if (!subject->scanned[HALF]++)
		subject->scanned[PEER] = peer_hash(&flow);
	subject->scanned[ELSEWHERE] += subject->scanned[PEER] != peer_hash(&flow);
	subject->scanned[OLD] += age_ns >= OLD_NS;
	subject->scanned[RECENT] += age_ns >= RATE_FROM_NS && age_ns < RATE_TO_NS;
	if (age_ns > subject->scanned[OLDEST_AGE])
		subject->scanned[OLDEST_AGE] = age_ns;
}

static void see_record(struct finding_look *look, const struct event_scan *record)
{
	if (record->header.kind == EVENT_SCAN_MINI) {
		if (record->state == TCP_SYN_RECV)
			see_half_open(look, record);
	} else if (record->state == TCP_LISTEN) {
		see_listener(look, record);
	}
}

/* Whether connections piled up at the last scan. A full accept queue has the same effect and is
 * left to accept-stall. */
static bool is_piled(const struct finding_look *look, const struct subject *subject)
{
	uint64_t least = HALF_OPEN, limit = subject->scanned[LIMIT];
	double completed = trend_per_second(&subject->trends[COMPLETIONS], COMPLETED_NS, NULL);

	if (limit && limit < least)
		least = limit < HALF_OPEN_LEAST ? HALF_OPEN_LEAST : limit;
	return subject->scanned[OLD] >= least && !subject->scanned[ACCEPT_FULL] &&
	       (double)subject->scanned[OLD] * COMPLETED_SHARE > completed &&
	       subject->ever[SCANNED_AT] + FORGET_NS > look->now_ns;
}

static const char *cookies_text(uint32_t syncookies)
{
	return syncookies == 0 ? "off" : syncookies == 1 ? "when the queue is full" : "always";
}

static void put_settings(const struct net_settings *settings, const struct subject *subject,
			 struct finding *finding)
{
	uint64_t queue = subject->scanned[HALF] + subject->scanned[ACKED];

	finding_text(finding, "syncookies", cookies_text(settings->syncookies));
	if (settings->syncookies)
		return;
	finding_count(finding, "max_syn_backlog", settings->max_syn_backlog);
	/* tcp_conn_request() in net/ipv4/tcp_input.c: the last quarter is for known peers. */
	if (queue >= settings->max_syn_backlog - settings->max_syn_backlog / 4 ||
	    queue >= subject->scanned[LIMIT])
		finding->severity = SEVERITY_CRITICAL;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct net_settings *settings;

	if (!is_piled(look, subject)) {
		subject->ever[PILED_SINCE] = 0;
		return false;
	}
	if (!subject->ever[PILED_SINCE])
		subject->ever[PILED_SINCE] = subject->ever[SCANNED_AT];
	if (subject->ever[PILED_SINCE] + PILED_NS > subject->ever[SCANNED_AT])
		return false;
	finding->severity = SEVERITY_WARNING;
	finding_count(finding, "count", subject->scanned[HALF]);
	finding_duration(finding, "oldest", subject->scanned[OLDEST_AGE], false);
	finding_rate(finding, "rate", EVIDENCE_PER_SECOND,
		     (double)subject->scanned[RECENT] * NS_PER_S / (RATE_TO_NS - RATE_FROM_NS));
	finding_rate(finding, "synack_retransmits", EVIDENCE_PER_SECOND,
		     trend_per_second(&subject->trends[REPEATED], WITHIN_NS, NULL));
	finding_flag(finding, "one_address", !subject->scanned[ELSEWHERE]);
	if (!subject->scanned[ELSEWHERE])
		finding->advice = one_advice;
	if (subject->scanned[ACKED])
		finding_count(finding, "acknowledged", subject->scanned[ACKED]);
	if (subject->scanned[LIMIT])
		finding_count(finding, "limit", subject->scanned[LIMIT]);
	settings = finding_look_settings(look, subject->flow.netns);
	if (settings)
		put_settings(settings, subject, finding);
	return true;
}

const struct finding_rule finding_syn_flood = {
	.id = FINDING_SYN_FLOOD,
	.says = "Half-open connections pile up on this listener: the kernel answers SYNs, but "
		"the final ACKs do not arrive.",
	.advice = "Keep net.ipv4.tcp_syncookies at 1, so that real clients can connect while the "
		  "queue is full. Look at the peers (\"ss -tn state syn-recv\"): if their "
		  "addresses are spread widely, they are probably forged, so have the flood "
		  "filtered upstream; if they are in a few networks, they may be real clients "
		  "whose return path is broken.",
	.others = see_others,
	.from_states = 1u << TCP_SYN_RECV,
	.changed = changed,
	.record = see_record,
	.judge = judge,
};
