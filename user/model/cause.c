// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/cause.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/tcp_state.h"

#define SHUTDOWN_BOTH 3

static const char *const names[] = {
	[CAUSE_NONE] = NULL,
	[CAUSE_FIN] = "fin",
	[CAUSE_TIME_WAIT] = "time_wait",
	[CAUSE_ORPHAN] = "orphan",
	[CAUSE_RESET_RECEIVED] = "reset_received",
	[CAUSE_RESET_SENT] = "reset_sent",
	[CAUSE_ABORT] = "abort",
	[CAUSE_REFUSED] = "refused",
	[CAUSE_TIMEOUT] = "timeout",
	[CAUSE_UNREACHABLE] = "unreachable",
	[CAUSE_DISCONNECT] = "disconnect",
	[CAUSE_CLOSED] = "closed",
	[CAUSE_LISTENER_CLOSED] = "listener_closed",
	[CAUSE_LOCAL_ERROR] = "local_error",
	[CAUSE_OVERFLOW] = "time_wait_overflow",
	[CAUSE_EXPIRED] = "expired",
	[CAUSE_REUSED] = "reused",
	[CAUSE_CUT_SHORT] = "cut_short",
	[CAUSE_RESET] = "reset",
};

_Static_assert(sizeof(names) / sizeof(*names) == CAUSES, "a name for every cause");

const char *cause_name(enum cause cause)
{
	return names[cause];
}

/* sk_err is set before the socket goes to CLOSE: tcp_reset(), tcp_write_err(), tcp_abort() of
 * net/ipv4. */
static enum cause cause_of_error(int error, unsigned int from)
{
	switch (error) {
	case ECONNRESET:
		return CAUSE_RESET_RECEIVED;
	case EPIPE: /* tcp_reset() sets it in CLOSE_WAIT */
		return from == TCP_CLOSE_WAIT ? CAUSE_RESET_RECEIVED : CAUSE_NONE;
	case ECONNREFUSED:
		return CAUSE_REFUSED;
	case ETIMEDOUT:
		return CAUSE_TIMEOUT;
	case ECONNABORTED:
		return CAUSE_ABORT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENOPROTOOPT:
	case EPROTO:
	case EACCES:
	case ENONET:
	case EOPNOTSUPP: /* icmp_err_convert[] and icmpv6_err_convert() */
		return CAUSE_UNREACHABLE;
	default:
		return CAUSE_NONE;
	}
}

/* A process closes or disconnects without a FIN: __tcp_close(), tcp_disconnect(), tcp_v4_connect()
 * in net/ipv4. */
static enum cause cause_of_actor(const struct event_transition *e)
{
	/* The peer's FIN counts 1 in the queue and is no data. */
	unsigned int fin = e->from == TCP_CLOSE_WAIT || e->flow.flags & EVENT_DONE ? 1 : 0;

	if (e->from == TCP_SYN_SENT)
		return e->shutdown == SHUTDOWN_BOTH ? CAUSE_CLOSED : CAUSE_LOCAL_ERROR;
	if (e->shutdown == SHUTDOWN_BOTH) {
		if (e->recv_queue > fin)
			return CAUSE_RESET_SENT;
		if (e->flow.flags & EVENT_LINGER)
			return CAUSE_ABORT;
		return CAUSE_NONE;
	}
	return CAUSE_DISCONNECT;
}

static bool is_unaccepted(const struct event_transition *e)
{
	return (e->from == TCP_ESTABLISHED || e->from == TCP_CLOSE_WAIT ||
		e->from == TCP_SYN_RECV) &&
	       !(e->flow.flags & (EVENT_SK_SOCKET | EVENT_ACTOR));
}

enum cause cause_of(const struct event_transition *e)
{
	if (e->to != TCP_CLOSE || e->from == TCP_LISTEN)
		return CAUSE_NONE;
	if (e->error)
		return cause_of_error((int)e->error, e->from);
	switch (e->from) {
	case TCP_LAST_ACK:
		return CAUSE_FIN;
	case TCP_CLOSING:
		return CAUSE_TIME_WAIT;
	case TCP_FIN_WAIT2:
		if (e->flow.flags & EVENT_DONE)
			return CAUSE_TIME_WAIT;
		if (e->flow.flags & EVENT_DEAD)
			return e->flow.flags & EVENT_LINGER2_NEG ? CAUSE_RESET_SENT : CAUSE_ORPHAN;
		break;
	case TCP_FIN_WAIT1:
		if (e->flow.flags & EVENT_DONE)
			return CAUSE_TIME_WAIT; /* track/coalesce.h joined two records */
		if (!(e->flow.flags & EVENT_ACTOR))
			return CAUSE_RESET_SENT; /* data after close(): TCPAbortOnData */
		break;
	default:
		break;
	}
	if (is_unaccepted(e))
		return CAUSE_LISTENER_CLOSED;
	return e->flow.flags & EVENT_ACTOR ? cause_of_actor(e) : CAUSE_NONE;
}
