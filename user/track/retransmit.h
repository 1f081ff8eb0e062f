/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SEGMENT_TRACKER_H
#define TCPWATCH_SEGMENT_TRACKER_H

#include "track/tracker.h"

/*
 * Retransmissions and resets: counted for the process that owns the socket, and kept by socket in
 * tracker->segments. Where the owner is not known yet, or only by the listener, the count waits in
 * the socket's entry: until he is, until the socket ends, or for SEGMENT_WAIT_NS.
 *
 * A reset received in FIN_WAIT1 or FIN_WAIT2 always waits for the transition that it makes: data
 * after close() looks the same to the kernel's tracepoint (tcp_reset() is called for both), and
 * only the reset that is then sent tells (track/coalesce.h).
 */
#define SEGMENT_WAIT_NS 10000000000ULL

/* Takes in one checked record. */
void segment_event(struct tracker *tracker, const struct event_segment *e);

/* The socket goes to CLOSE by data that came after close(): no reset was received. */
void segment_was_data(struct tracker *tracker, uint64_t cookie);

/* A socket is about to be taken out: what waits is counted for the best owner known, and he is
 * remembered for a little while. A close() that resets changes the state first, and then sends. */
void segment_end(struct tracker *tracker, const struct tcp_socket *socket);

/* Counts what waits where the owner is known now, or where it waited for long enough; at UINT64_MAX
 * everything. */
void segment_settle(struct tracker *tracker, uint64_t now_ns);

#endif
