/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RETRANSMIT_H
#define TCPWATCH_RETRANSMIT_H

#include "track/tracker.h"

/*
 * Retransmissions and resets are counted for the process that owns the socket, and kept by socket
 * in tracker->retransmits. Where the owner is not known, or is only inferred from the listener, the
 * count waits in the socket's entry: until the owner is known, until the socket ends, or for
 * RETRANSMIT_WAIT_NS.
 *
 * A reset received in FIN_WAIT1 or FIN_WAIT2 always waits for the transition that it causes: the
 * kernel's tracepoint tcp_receive_reset is in tcp_reset(), which is also called for data that
 * arrives after close() (tcp_rcv_state_process() in net/ipv4/tcp_input.c). Only the RST that the
 * kernel then sends distinguishes the two (track/coalesce.h).
 */

/* Handles one checked record. */
void retransmit_event(struct tracker *tracker, const struct event_segment *e);

/* The socket goes to CLOSE because of data that arrived after close(): what was counted as a reset
 * received was none. */
void retransmit_was_data(struct tracker *tracker, uint64_t cookie);

#endif
