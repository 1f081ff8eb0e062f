/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COALESCE_H
#define TCPWATCH_COALESCE_H

#include <stdint.h>

#include "event.h"

/*
 * Where one segment brings both the ACK of our FIN and the peer's FIN, the kernel passes through
 * FIN_WAIT2 within the same call, and RFC 9293 knows no FIN_WAIT2 there. The two records become
 * one, FIN_WAIT1 > CLOSE (into TIME_WAIT). Every FIN_WAIT1 > FIN_WAIT2 is therefore held back until
 * the next record of its socket, or for COALESCE_HOLD_NS.
 *
 * Two ends look like others but for the reset that the kernel sends next: data that comes after
 * close() (tcp_reset(), as for a reset received), and close() in LAST_ACK with data unread (as the
 * last ACK, where it waits in the backlog). They are held back in the same way.
 */
#define COALESCE_HOLD_NS 1000000ULL

#define COALESCE_SLOTS 64

/* With EVENT_RESET_SENT where such an end was followed by its reset. */
typedef void (*coalesce_sink)(void *context, const struct event_transition *e);

struct coalesce {
	coalesce_sink sink;
	void *context;
	unsigned int head;
	unsigned int count;
	struct event_transition
		held[COALESCE_SLOTS]; /* a queue in order of time; cookie 0 = taken */
};

/* Passes e on to the sink, after what was held and is due; or holds it. */
void coalesce_event(struct coalesce *coalesce, const struct event_transition *e);

/* A reset was sent over this socket: passes on its end, if that is held. */
void coalesce_reset_sent(struct coalesce *coalesce, uint64_t cookie);

/* Passes on what was held and is due at now_ns (CLOCK_MONOTONIC); UINT64_MAX: everything. */
void coalesce_flush(struct coalesce *coalesce, uint64_t now_ns);

#endif
