/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PASSIVE_OPEN_H
#define TCPWATCH_PASSIVE_OPEN_H

#include "track/tracker.h"

/* How connections come in at a server: SYN_RECV, the accept queue, accept(). */

/*
 * Returns how many nanoseconds the connection of this record, SYN_RECV > ESTABLISHED, was in
 * SYN_RECV; DURATION_UNKNOWN if the kernel did not measure it.
 */
uint64_t passive_syn_recv_ns(struct tracker *tracker, const struct event_transition *e,
			     const struct flow *flow);

/* Handles one checked record of the end of a half-open connection (bpf/request.bpf.c). */
void passive_request(struct tracker *tracker, const struct event_request *e);

/* Handles one checked record of an accept() (bpf/accept.bpf.c). */
void passive_accept(struct tracker *tracker, const struct event_accept *e);

/* The task has accepted the socket, as a stack shows: this is all that is known where there are no
 * records of accept(). Removes a socket that was kept in CLOSE until its owner is known. */
void passive_accepted_by(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_task *task);

#endif
