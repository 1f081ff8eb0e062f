/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TRANSITION_H
#define TCPWATCH_TRANSITION_H

#include "track/tracker.h"

/*
 * What a state change means: whose socket it is, how long it was in the old state, why it went to
 * CLOSE, and whether a mini-socket goes on in its place. The records come from
 * bpf/transition.bpf.c.
 *
 * `known` is the cause of an end that only a later record shows (track/coalesce.h); CAUSE_NONE:
 * cause_of() finds it in the record.
 */
void transition_event(struct tracker *tracker, const struct event_transition *e, enum cause known);

#endif
