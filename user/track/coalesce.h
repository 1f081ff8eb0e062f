/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COALESCE_H
#define TCPWATCH_COALESCE_H

#include <stdint.h>

#include "base/units.h"
#include "event.h"
#include "model/cause.h"

/*
 * If one segment brings both the ACK of our FIN and the peer's FIN, the kernel goes through
 * FIN_WAIT2 within one call (tcp_rcv_state_process() in net/ipv4/tcp_input.c), where RFC 9293 has
 * no FIN_WAIT2. The two records become one, FIN_WAIT1 > CLOSE (into TIME_WAIT). For that, every
 * FIN_WAIT1 > FIN_WAIT2 is held until the next record of its socket, or for COALESCE_HOLD_NS.
 *
 * Two ends differ from others only by the RST that the kernel sends next: data that arrives after
 * close() looks like a reset received, and close() in LAST_ACK with unread data looks like the last
 * ACK, if that was processed from the backlog. They are held in the same way.
 *
 * Between the two records the kernel wakes the socket's process and may be interrupted, and a
 * virtual processor may stand still. The time is therefore much longer than the work that it
 * takes. Which records belong together is decided by what is in them.
 */
#define COALESCE_HOLD_NS (100 * NS_PER_MS)

/* The most records that are held; then the oldest is passed on early. */
#define COALESCE_SLOTS 64

/* Takes one transition, which is valid during the call only. `known` is CAUSE_RESET_SENT where the
 * RST followed, else CAUSE_NONE. */
typedef void (*coalesce_sink)(void *context, const struct event_transition *e, enum cause known);

/* The caller sets sink and context; the rest starts as zero. */
struct coalesce {
	coalesce_sink sink;
	void *context;
	unsigned int head;
	unsigned int count;
	uint64_t cookies[COALESCE_SLOTS];	      /* of held; 0 = passed on already */
	struct event_transition held[COALESCE_SLOTS]; /* a queue in order of time */
};

/* Passes on what is due by e->time_ns, then passes e on or holds it. */
void coalesce_event(struct coalesce *coalesce, const struct event_transition *e);

/* An RST was sent over this socket: passes on its end, if that is held. */
void coalesce_reset_sent(struct coalesce *coalesce, uint64_t cookie);

/* Passes on what is due at now_ns (CLOCK_MONOTONIC); UINT64_MAX: everything. */
void coalesce_flush(struct coalesce *coalesce, uint64_t now_ns);

#endif
