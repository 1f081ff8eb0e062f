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
 */
#define COALESCE_HOLD_NS 1000000ULL

#define COALESCE_SLOTS 64

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

/* Passes on what was held and is due at now_ns (CLOCK_MONOTONIC); UINT64_MAX: everything. */
void coalesce_flush(struct coalesce *coalesce, uint64_t now_ns);

#endif
