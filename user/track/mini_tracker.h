/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_MINI_TRACKER_H
#define TCPWATCH_MINI_TRACKER_H

#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * The life of mini-sockets. One begins when a socket goes to CLOSE for a cause that says so
 * (mini_begin()). It ends by a record where the kernel side writes one (FEATURE_TIME_WAIT), else by
 * a scan or after the longest time that the kernel keeps one. Without a record of the end its
 * lifetime is not known.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */

/* The state of the mini-socket that takes the place of a socket that went to CLOSE for this cause;
 * 0 if there is none. */
static inline unsigned int mini_state_of(enum cause cause)
{
	return cause == CAUSE_TIME_WAIT ? TCP_TIME_WAIT : cause == CAUSE_ORPHAN ? TCP_FIN_WAIT2 : 0;
}

/* Whether there are records of mini-sockets. Then they have transitions of their own. */
static inline bool mini_has_records(const struct tracker *tracker)
{
	return feature_has(tracker->features, FEATURE_TIME_WAIT);
}

/* What is known of a socket that goes on as a mini-socket. */
struct mini_origin {
	uint64_t cookie;
	uint64_t time_ns;  /* when it became one */
	uint64_t since_ns; /* when it entered `state`; 0 = unknown */
	const struct flow *flow;
	struct process *owner; /* NULL = unknown */
	enum owner_source owner_source;
	enum socket_role role;
	unsigned int state;
	bool hidden;
	bool bound; /* as of struct tcp_socket */
};

void mini_begin(struct tracker *tracker, const struct mini_origin *origin);

/* Takes in one checked record. */
void mini_event(struct tracker *tracker, const struct event_mini *e);

/*
 * Records were lost: the FIN of an orphan may have been among them, and the same FIN sent again
 * would look like the first. The lifetimes of all that are in FIN_WAIT2 are unknown from now on,
 * and the next scan says which of all have ended.
 */
void mini_doubt(struct tracker *tracker);

/* Forgets those whose time must be up: no timer of theirs is longer than TCP_TIMEWAIT_LEN. */
void mini_expire(struct tracker *tracker, uint64_t now_ns);

/* As reconcile_begin() and reconcile_end(), for mini-sockets. */
void mini_scan_begin(struct tracker *tracker, const struct scan_result *result);
void mini_scan_end(struct tracker *tracker, const struct scan_result *result);

#endif
