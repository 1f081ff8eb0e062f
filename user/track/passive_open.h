/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PASSIVE_OPEN_H
#define TCPWATCH_PASSIVE_OPEN_H

#include "track/tracker.h"

/* The server's side of a connection's beginning: SYN_RECV, the accept queue, accept(). */

/*
 * How long the connection of this SYN_RECV > ESTABLISHED was in SYN_RECV, in ns; DURATION_UNKNOWN
 * where the kernel did not measure it.
 */
uint64_t passive_syn_recv_ns(struct tracker *tracker, const struct event_transition *e,
			     const struct flow *flow);

/* Takes in one checked end of a half-open connection. */
void passive_request(struct tracker *tracker, const struct event_request *e);

/* Takes in one checked accept(). */
void passive_accept(struct tracker *tracker, const struct event_accept *e);

/* The task has accepted it: all that is told of that where there is no record of the accept()
 * itself. A socket that was kept in CLOSE until then goes. */
void passive_accepted_by(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_task *task);

#endif
