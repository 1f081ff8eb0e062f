/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CAUSE_H
#define TCPWATCH_CAUSE_H

#include "event.h"

/* Why a socket made a transition, as far as the kernel's fields show it. */
enum cause {
	CAUSE_NONE,	       /* not known, or none is needed */
	CAUSE_FIN,	       /* both sides closed, and everything is acknowledged */
	CAUSE_TIME_WAIT,       /* a mini-socket in TIME_WAIT goes on */
	CAUSE_ORPHAN,	       /* closed by all holders; a mini-socket in FIN_WAIT2 goes on */
	CAUSE_RESET_RECEIVED,  /* RST from the peer */
	CAUSE_RESET_SENT,      /* closed with unread data, or data arrived after close() */
	CAUSE_ABORT,	       /* SO_LINGER 0, ss -K */
	CAUSE_REFUSED,	       /* RST to our SYN */
	CAUSE_TIMEOUT,	       /* retransmissions or keepalive probes were not answered */
	CAUSE_UNREACHABLE,     /* ICMP */
	CAUSE_DISCONNECT,      /* connect(AF_UNSPEC) */
	CAUSE_CLOSED,	       /* close() before the connection was made */
	CAUSE_LISTENER_CLOSED, /* in the accept queue when the listener closed */
	CAUSE_LOCAL_ERROR,     /* connect() failed here: no port, no route */
	CAUSE_OVERFLOW,	       /* no mini-socket in TIME_WAIT: tcp_max_tw_buckets, or memory */
	CAUSE_EXPIRED,	       /* the time in TIME_WAIT was over */
	CAUSE_REUSED,	       /* a connect() took over its ports within TIME_WAIT */
	CAUSE_CUT_SHORT,       /* TIME_WAIT was ended by a SYN, an RST or with its namespace */
	CAUSE_RESET,	       /* an RST was sent or received */
	CAUSES
};

/*
 * The cause of a transition to CLOSE; CAUSE_NONE for other transitions. It follows the places in
 * net/ipv4 where the kernel closes a socket: tcp_reset(), tcp_write_err(), tcp_abort(),
 * __tcp_close(), tcp_disconnect(), tcp_rcv_state_process() and tcp_time_wait().
 */
enum cause cause_of(const struct event_transition *e);

/* The name in outputs, a static string; NULL for CAUSE_NONE. */
const char *cause_name(enum cause cause);

#endif
