/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_MINI_TRACKER_H
#define TCPWATCH_MINI_TRACKER_H

#include "model/scan_result.h"
#include "track/sample.h"
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

/* A socket in whose place a mini-socket goes on. */
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
	bool bound; /* as in struct tcp_socket */
};

/* Whose it is, for counting. */
struct sample_member mini_member(const struct tracker *tracker, const struct mini_socket *mini);

/* Creates the mini-socket. */
void mini_begin(struct tracker *tracker, const struct mini_origin *origin);

/* Handles one checked record of a mini-socket (bpf/time_wait.bpf.c). */
void mini_event(struct tracker *tracker, const struct event_mini *e);

/*
 * Records were lost. The record of the FIN that reached a mini-socket in FIN_WAIT2 may be one of
 * them, and then a retransmission of this FIN would look like the first one. So the lifetimes of
 * all mini-sockets in FIN_WAIT2 are unknown from now on, and the next scan removes those that have
 * ended.
 */
void mini_doubt(struct tracker *tracker);

/* Removes those that were not seen for so long that the kernel must have freed them: their timer is
 * at most TCP_TIMEWAIT_LEN, 60 s (include/net/tcp.h). */
void mini_expire(struct tracker *tracker, uint64_t now_ns);

/* Like reconcile_begin() and so on, for mini-sockets. */
void mini_scan_begin(struct tracker *tracker, const struct scan_result *result);
void mini_scan_add(struct tracker *tracker, const struct scan_result *result, size_t from);
void mini_scan_learn(struct tracker *tracker, const struct scan_result *result);
void mini_scan_give_up(struct tracker *tracker);
void mini_scan_end(struct tracker *tracker, const struct scan_result *result);

#endif
