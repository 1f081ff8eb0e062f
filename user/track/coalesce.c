// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/coalesce.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "model/tcp_state.h"

#define SHUTDOWN_RECEIVE 1
#define SHUTDOWN_BOTH	 3

static void release_oldest(struct coalesce *coalesce)
{
	const struct event_transition *e = &coalesce->held[coalesce->head];
	bool held = coalesce->cookies[coalesce->head];

	coalesce->head = (coalesce->head + 1) % COALESCE_SLOTS;
	coalesce->count--;
	if (held)
		coalesce->sink(coalesce->context, e, CAUSE_NONE);
}

/* Cookies stand apart from their records, so that looking for one reads little memory. */
static int held_find(const struct coalesce *coalesce, uint64_t cookie)
{
	for (unsigned int i = 0; i < coalesce->count; i++) {
		unsigned int slot = (coalesce->head + i) % COALESCE_SLOTS;

		if (coalesce->cookies[slot] == cookie)
			return (int)slot;
	}
	return -1;
}

void coalesce_flush(struct coalesce *coalesce, uint64_t now_ns)
{
	while (coalesce->count) {
		uint64_t time_ns = coalesce->held[coalesce->head].time_ns;

		/* Records of several CPUs are slightly out of order: the difference may be
		 * negative. */
		if (now_ns != UINT64_MAX && coalesce->cookies[coalesce->head] &&
		    (int64_t)(now_ns - time_ns) < (int64_t)COALESCE_HOLD_NS)
			return;
		release_oldest(coalesce);
	}
}

static void hold(struct coalesce *coalesce, const struct event_transition *e)
{
	unsigned int slot;

	if (coalesce->count == COALESCE_SLOTS)
		release_oldest(coalesce);
	slot = (coalesce->head + coalesce->count) % COALESCE_SLOTS;
	memset(&coalesce->held[slot], 0, sizeof(coalesce->held[slot]));
	memcpy(&coalesce->held[slot], e, e->header.size); /* without an actor it is shorter */
	coalesce->cookies[slot] = e->cookie;
	coalesce->count++;
}

/* Only the RST that may follow shows why the socket went to CLOSE. */
static bool is_doubtful(const struct event_transition *e)
{
	if (e->to != TCP_CLOSE)
		return false;
	if (e->from == TCP_FIN_WAIT1 || e->from == TCP_FIN_WAIT2)
		return e->error == ECONNRESET && e->shutdown & SHUTDOWN_RECEIVE;
	return e->from == TCP_LAST_ACK && !e->error && e->flow.flags & EVENT_ACTOR &&
	       e->shutdown == SHUTDOWN_BOTH && e->recv_queue > 1; /* the peer's FIN counts 1 */
}

static void pass(struct coalesce *coalesce, const struct event_transition *e)
{
	if (is_doubtful(e))
		hold(coalesce, e);
	else
		coalesce->sink(coalesce->context, e, CAUSE_NONE);
}

void coalesce_event(struct coalesce *coalesce, const struct event_transition *e)
{
	struct event_transition one;
	int first = -1;

	coalesce_flush(coalesce, e->time_ns);
	if (e->from == TCP_FIN_WAIT1 && e->to == TCP_FIN_WAIT2) {
		hold(coalesce, e);
		return;
	}
	/* From CLOSE: the socket connects again, and the record of its end was lost. */
	if (e->from == TCP_FIN_WAIT2 || e->from == TCP_CLOSE)
		first = held_find(coalesce, e->cookie);
	if (first < 0) {
		pass(coalesce, e);
		return;
	}
	one = coalesce->held[first];
	coalesce->cookies[first] = 0;
	if (one.to == TCP_FIN_WAIT2 && e->from == TCP_FIN_WAIT2 && e->to == TCP_CLOSE &&
	    e->flow.flags & EVENT_DONE && !e->error && e->segment == one.segment) {
		one.to = TCP_CLOSE;
		one.time_ns = e->time_ns;
		one.flow.flags = e->flow.flags;
		coalesce->sink(coalesce->context, &one, CAUSE_NONE);
		return;
	}
	coalesce->sink(coalesce->context, &one, CAUSE_NONE);
	pass(coalesce, e);
}

void coalesce_reset_sent(struct coalesce *coalesce, uint64_t cookie)
{
	int held = held_find(coalesce, cookie);
	struct event_transition one;

	if (held < 0 || coalesce->held[held].to != TCP_CLOSE)
		return;
	one = coalesce->held[held];
	coalesce->cookies[held] = 0;
	coalesce->sink(coalesce->context, &one, CAUSE_RESET_SENT);
}
