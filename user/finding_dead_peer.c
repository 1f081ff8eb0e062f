// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* dead-peer: data is sent again and again to a peer that no longer answers. */
#include "finding_rule.h"
#include "units.h"

/* With the usual first timeout of 0.2 s five in a row are 6 s of silence: more than a reboot of a
 * switch, much less than the 15 minutes after which the kernel gives up (tcp_retries2). */
#define TIMEOUTS 5
/* ... and with a longer first timeout, at least so long. */
#define SILENT_NS (5 * NS_PER_S)
/* One host that went away, or the way to all of them. */
#define MANY 10

enum { COUNT, BYTES, BACKOFF, WITHOUT_KEEPALIVE, SILENT_SINCE }; /* now; the last: ns */

static bool is_dead(const struct finding_look *look, const struct segment_trouble *trouble)
{
	return trouble->timeouts >= TIMEOUTS && trouble->unacknowledged &&
	       trouble->last_received_ns && trouble->last_received_ns + SILENT_NS < look->now_ns;
}

static void see_trouble(struct finding_look *look, const struct segment_trouble *trouble)
{
	const struct tcp_socket *socket =
		socket_table_find(look->tracker->sockets, trouble->cookie);
	struct process *owner;
	struct subject *subject;

	if (!socket || socket->hidden ||
	    (socket->state != TCP_ESTABLISHED && socket->state != TCP_CLOSE_WAIT))
		return;
	owner = finding_look_owner(look, socket->owner);
	subject =
		owner ? subjects_get_peer(look->subjects, FINDING_DEAD_PEER, owner, socket) : NULL;
	if (!subject)
		return;
	subject->now[COUNT]++;
	subject->now[BYTES] += trouble->unacknowledged;
	subject->now[WITHOUT_KEEPALIVE] += !trouble->keepalive;
	if (trouble->backoff > subject->now[BACKOFF])
		subject->now[BACKOFF] = trouble->backoff;
	subject_age(subject, trouble->last_received_ns, false);
}

static void see_others(struct finding_look *look)
{
	const struct segment_trouble *trouble;
	uint32_t position = 0;

	while ((trouble = segment_table_next(look->tracker->segments, &position)))
		if (is_dead(look, trouble))
			see_trouble(look, trouble);
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	if (!subject->now[COUNT])
		return false;
	finding->severity = subject->now[COUNT] < MANY ? SEVERITY_WARNING : SEVERITY_CRITICAL;
	finding_count(finding, "count", subject->now[COUNT]);
	finding_duration(finding, "silent_for", look->now_ns - subject->oldest_ns, false);
	finding_bytes(finding, "unacknowledged", subject->now[BYTES]);
	finding_count(finding, "backoff", subject->now[BACKOFF]);
	finding_flag(finding, "keepalive", !subject->now[WITHOUT_KEEPALIVE]);
	return true;
}

const struct finding_rule finding_dead_peer = {
	.id = FINDING_DEAD_PEER,
	.says = "The peer no longer answers: data is sent again and again.",
	.advice =
		"The peer's host is down, or the way to it is cut. The kernel goes on for some 15 minutes "
		"(tcp_retries2); TCP_USER_TIMEOUT on the socket makes it give up earlier. Connections that are "
		"idle notice nothing at all without SO_KEEPALIVE, and with it only after 2 hours unless "
		"TCP_KEEPIDLE says otherwise.",
	.others = see_others,
	.judge = judge,
};
