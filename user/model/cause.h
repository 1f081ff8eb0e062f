/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CAUSE_H
#define TCPWATCH_CAUSE_H

#include "event.h"

/* Why a socket made a transition, where the kernel's fields tell. */
enum cause {
	CAUSE_NONE,	       /* nothing to say, or not known */
	CAUSE_FIN,	       /* both sides closed, all acknowledged */
	CAUSE_TIME_WAIT,       /* goes on as a TIME_WAIT mini-socket */
	CAUSE_ORPHAN,	       /* closed by all holders, goes on as a FIN_WAIT2 mini-socket */
	CAUSE_RESET_RECEIVED,  /* RST from the peer */
	CAUSE_RESET_SENT,      /* closed with data unread, or data came after close() */
	CAUSE_ABORT,	       /* SO_LINGER 0, ss -K */
	CAUSE_REFUSED,	       /* RST to our SYN */
	CAUSE_TIMEOUT,	       /* retransmissions or keepalive gave up */
	CAUSE_UNREACHABLE,     /* ICMP */
	CAUSE_DISCONNECT,      /* connect(AF_UNSPEC) */
	CAUSE_CLOSED,	       /* close() before the connection was made */
	CAUSE_LISTENER_CLOSED, /* in the accept queue when the listener closed */
	CAUSE_LOCAL_ERROR,     /* connect() failed here: no port, no route */
	CAUSE_OVERFLOW,	       /* no TIME_WAIT mini-socket: tcp_max_tw_buckets, or memory */
	CAUSE_EXPIRED,	       /* TIME_WAIT is over */
	CAUSE_REUSED,	       /* its ports were taken by a connect() within TIME_WAIT */
	CAUSE_CUT_SHORT,       /* TIME_WAIT ended by a SYN, an RST or with its namespace */
	CAUSE_RESET,	       /* by an RST, sent or received */
	CAUSES
};

/* The cause by the rules of the kernel's exits to CLOSE. */
enum cause cause_of(const struct event_transition *e);

/* The name in outputs; NULL for CAUSE_NONE. */
const char *cause_name(enum cause cause);

#endif
