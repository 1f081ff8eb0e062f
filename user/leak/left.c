// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/left.h"

#include "base/units.h"

#define GRACE_NS (100 * NS_PER_MS)

uint64_t leak_left_grace(uint64_t threshold_ns)
{
	return threshold_ns < GRACE_NS ? threshold_ns : GRACE_NS;
}

bool leak_left_make(struct leak *leak, const struct tcp_socket *socket,
		    const struct event_transition *e, uint64_t threshold_ns)
{
	uint64_t age_ns = e->time_ns > socket->since_ns ? e->time_ns - socket->since_ns : 0;

	if (!socket->since_known || age_ns < leak_left_grace(threshold_ns))
		return false;
	if (threshold_ns && e->write_seq != socket->write_seq)
		return false;
	*leak = (struct leak){
		.time_ns = e->time_ns,
		.kind = e->recv_queue ? LEAK_UNREAD : LEAK_UNCLOSED,
		.end_read = !e->recv_queue,
		.recv_queue = e->recv_queue,
		.at_exit = true,
	};
	return true;
}
