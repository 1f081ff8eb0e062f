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
	struct event_transition *e = &coalesce->held[coalesce->head];

	coalesce->head = (coalesce->head + 1) % COALESCE_SLOTS;
	coalesce->count--;
	if (e->cookie)
		coalesce->sink(coalesce->context, e, CAUSE_NONE);
}

static struct event_transition *held_find(struct coalesce *coalesce, uint64_t cookie)
{
	for (unsigned int i = 0; i < coalesce->count; i++) {
		struct event_transition *e = &coalesce->held[(coalesce->head + i) % COALESCE_SLOTS];

		if (e->cookie == cookie)
			return e;
	}
	return NULL;
}

void coalesce_flush(struct coalesce *coalesce, uint64_t now_ns)
{
	while (coalesce->count) {
		const struct event_transition *e = &coalesce->held[coalesce->head];

		/* Records of several CPUs are slightly out of order: the difference may be
		 * negative. */
		if (now_ns != UINT64_MAX && e->cookie &&
		    (int64_t)(now_ns - e->time_ns) < (int64_t)COALESCE_HOLD_NS)
			return;
		release_oldest(coalesce);
	}
}

static void hold(struct coalesce *coalesce, const struct event_transition *e)
{
	struct event_transition *slot;

	if (coalesce->count == COALESCE_SLOTS)
		release_oldest(coalesce);
	slot = &coalesce->held[(coalesce->head + coalesce->count) % COALESCE_SLOTS];
	memset(slot, 0, sizeof(*slot));
	memcpy(slot, e, e->header.size); /* a record without an actor is shorter */
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
	struct event_transition *first = NULL, one;

	coalesce_flush(coalesce, e->time_ns);
	if (e->from == TCP_FIN_WAIT1 && e->to == TCP_FIN_WAIT2) {
		hold(coalesce, e);
		return;
	}
	/* From CLOSE: the socket connects again, and the record of its end was lost. */
	if (e->from == TCP_FIN_WAIT2 || e->from == TCP_CLOSE)
		first = held_find(coalesce, e->cookie);
	if (!first) {
		pass(coalesce, e);
		return;
	}
	one = *first;
	first->cookie = 0;
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
	struct event_transition *held = held_find(coalesce, cookie), one;

	if (!held || held->to != TCP_CLOSE)
		return;
	one = *held;
	held->cookie = 0;
	coalesce->sink(coalesce->context, &one, CAUSE_RESET_SENT);
}
