/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_JUDGE_H
#define TCPWATCH_LEAK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "leak/leak.h"
#include "model/leak_kind.h"
#include "track/socket_table.h"

/* Times are nanoseconds of CLOCK_MONOTONIC. */

struct leak_verdict {
	bool leaked; /* false: judge the socket again after recheck_ns */
	enum leak_kind kind;
	uint64_t recheck_ns;
};

/*
 * Decides whether a socket that has been in CLOSE_WAIT for threshold_ns is a leak, and of which
 * kind. `record` is what a scan says of the socket now; it is compared with the values noted in
 * *socket when the socket entered CLOSE_WAIT. A half-closed connection on which this side still
 * sends, or reads what is left, makes progress: it is to be judged again later, and the values in
 * *socket are updated. tick_ns is the unit of the record's ticks.
 */
struct leak_verdict leak_judge(struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns, uint64_t threshold_ns);

/*
 * Whether the socket looks like an idle connection of a client's pool whose server has closed: the
 * FIN alone is unread, nothing was read or sent since, and nothing waits to be sent. Whether it is
 * a client's is in leak/idle.h.
 */
bool leak_looks_idle(const struct tcp_socket *socket, const struct event_scan *record);

/* What was sent on a socket after the peer's FIN, as far as the record proves it. */
enum leak_sent leak_sent_since(const struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns);

/*
 * A socket that is in CLOSE_WAIT when its process exits is closed by the kernel, not by the
 * program. It is a leak if it was in CLOSE_WAIT at least for this grace time, so that a peer that
 * closes at the moment of the exit makes no leak, and if nothing was sent on it in CLOSE_WAIT: a
 * server that answers what was sent before a half-close, and exits, is correct. With a threshold of
 * 0 each such socket is a leak.
 */
uint64_t leak_left_grace(uint64_t threshold_ns);

/*
 * Decides this for a socket that leaves CLOSE_WAIT by the record e, after its process has ended at
 * ended_ns. If it is a leak, fills *leak, except for the members that come from the socket, and
 * returns true; else *leak is untouched.
 */
bool leak_left_make(struct leak *leak, const struct tcp_socket *socket,
		    const struct event_transition *e, uint64_t ended_ns, uint64_t threshold_ns);

#endif
