// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "event_check.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "tcp_state.h"

static bool flow_valid(const struct event_flow *flow)
{
	return flow->family == AF_INET || flow->family == AF_INET6;
}

static bool transition_valid(const struct event_transition *e, size_t size)
{
	/* The flags are within the short form. */
	if (size < EVENT_TRANSITION_SHORT)
		return false;
	if (size != (e->flow.flags & EVENT_ACTOR ? sizeof(*e) : EVENT_TRANSITION_SHORT))
		return false;
	return tcp_state_valid(e->from) && tcp_state_valid(e->to) && e->cookie &&
	       flow_valid(&e->flow);
}

static bool scan_valid(const struct event_scan *e)
{
	return tcp_state_valid(e->state) && e->cookie && flow_valid(&e->flow);
}

int event_check(const void *data, size_t size)
{
	const struct event_header *header = data;

	if (size < sizeof(*header) || header->version != EVENT_VERSION || header->size != size)
		return -EPROTO;
	switch (header->kind) {
	case EVENT_TRANSITION:
		return transition_valid(data, size) ? 0 : -EPROTO;
	case EVENT_FORK:
		return size == sizeof(struct event_fork) ? 0 : -EPROTO;
	case EVENT_SCAN_FD:
	case EVENT_SCAN_SOCKET:
		return size == sizeof(struct event_scan) && scan_valid(data) ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}
