/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_KIND_H
#define TCPWATCH_LEAK_KIND_H

/* Why a socket stays in CLOSE_WAIT. */
enum leak_kind {
	LEAK_UNCLOSED,	 /* the end of stream was read, and the socket is still open */
	LEAK_UNREAD,	 /* the end of stream was not read */
	LEAK_UNACCEPTED, /* still in the listener's accept queue */
	LEAK_STALLED,	 /* it has unsent data and makes no progress */
	LEAK_KINDS,
	/* No leak: a connection that is idle in a client's pool, and that the peer has closed. What
	 * is counted by kind does not have it. */
	LEAK_IDLE = LEAK_KINDS
};

/* The name in outputs, a static string. */
const char *leak_kind_name(enum leak_kind kind);

#endif
