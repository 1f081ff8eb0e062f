// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/event_check.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "model/tcp_state.h"

static bool flow_valid(const struct event_flow *flow)
{
	return flow->family == AF_INET || flow->family == AF_INET6;
}

static bool transition_valid(const struct event_transition *e, size_t size)
{
	/* The short form has the flags too. */
	if (size < EVENT_TRANSITION_SHORT)
		return false;
	if (size != (e->flow.flags & EVENT_WITH_TASK ? sizeof(*e) : EVENT_TRANSITION_SHORT))
		return false;
	return tcp_transition_is_recorded(e->from, e->to) && e->cookie && flow_valid(&e->flow);
}

static bool scan_valid(const struct event_scan *e)
{
	return tcp_state_valid(e->state) && e->cookie && flow_valid(&e->flow);
}

static bool accept_valid(const struct event_accept *e)
{
	return tcp_state_valid(e->state) && e->cookie && flow_valid(&e->flow);
}

static bool mini_valid(const struct event_mini *e)
{
	return e->what >= MINI_ENDED && e->what <= MINI_REFUSED &&
	       (e->state == TCP_TIME_WAIT || e->state == TCP_FIN_WAIT2) && e->cookie &&
	       flow_valid(&e->flow);
}

static bool request_valid(const struct event_request *e)
{
	return (e->what == REQUEST_DROPPED || e->what == REQUEST_COMPLETED) && e->cookie &&
	       flow_valid(&e->flow);
}

static bool segment_valid(const struct event_segment *e)
{
	if (e->what == SEGMENT_SYNACK_REPEATED && e->state != TCP_SYN_RECV)
		return false;
	return e->what >= SEGMENT_REPEATED && e->what <= SEGMENT_RESET_RECEIVED &&
	       tcp_state_valid(e->state) && e->cookie && flow_valid(&e->flow);
}

static bool stack_valid(const struct event_stack *e)
{
	return e->how >= STACK_CONNECT && e->how <= STACK_REQUEST && e->count &&
	       e->count <= EVENT_STACK_FRAMES && e->cookie && e->task.tgid;
}

static bool exec_valid(const struct event_exec *e)
{
	return e->task.tgid;
}

static bool scan_mini_valid(const struct event_scan *e)
{
	return scan_valid(e) &&
	       (e->state == TCP_TIME_WAIT || e->state == TCP_FIN_WAIT2 || e->state == TCP_SYN_RECV);
}

int event_check(const void *data, size_t size)
{
	const union event_record *e = data;
	bool valid = false;

	if (size < sizeof(e->header) || e->header.version != EVENT_VERSION ||
	    e->header.size != size)
		return -EPROTO;
	switch (e->header.kind) {
	case EVENT_TRANSITION:
		valid = transition_valid(&e->transition, size);
		break;
	case EVENT_FORK:
		valid = size == sizeof(e->fork);
		break;
	case EVENT_EXIT:
		valid = size == sizeof(e->exit);
		break;
	case EVENT_SCAN_FD:
	case EVENT_SCAN_SOCKET:
		valid = size == sizeof(e->scan) && scan_valid(&e->scan);
		break;
	case EVENT_SCAN_MINI:
		valid = size == sizeof(e->scan) && scan_mini_valid(&e->scan);
		break;
	case EVENT_SCAN_QUEUE:
		valid = size == sizeof(e->queue) && e->queue.cookie;
		break;
	case EVENT_ACCEPT:
		valid = size == sizeof(e->accept) && accept_valid(&e->accept);
		break;
	case EVENT_MINI:
		valid = size == sizeof(e->mini) && mini_valid(&e->mini);
		break;
	case EVENT_REQUEST:
		valid = size == sizeof(e->request) && request_valid(&e->request);
		break;
	case EVENT_SEGMENT:
		valid = size == sizeof(e->segment) && segment_valid(&e->segment);
		break;
	case EVENT_STACK:
		valid = size == sizeof(e->stack) && stack_valid(&e->stack);
		break;
	case EVENT_EXEC:
		valid = size == sizeof(e->exec) && exec_valid(&e->exec);
		break;
	default:
		break;
	}
	return valid ? 0 : -EPROTO;
}
