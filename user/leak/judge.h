/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_JUDGE_H
#define TCPWATCH_LEAK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "model/leak_kind.h"
#include "track/socket_table.h"

struct leak_verdict {
	bool leaked; /* else look again in recheck_ns */
	enum leak_kind kind;
	uint64_t recheck_ns;
};

/*
 * Is a socket that has been in CLOSE_WAIT for threshold_ns a leak, and of what kind? Judged from
 * what the kernel says of it now (one record of it in a scan) against what was noted when it
 * entered CLOSE_WAIT. A half-closed connection on which this side still sends, or reads what is
 * left, makes progress and is asked again later; the notes in *socket are then brought up to date.
 * tick_ns is the unit of the record's ticks.
 */
struct leak_verdict leak_judge(struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns, uint64_t threshold_ns);

#endif
