/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOCKET_TABLE_H
#define TCPWATCH_SOCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cookie_table.h"
#include "model/flow.h"

struct process;

#define DURATION_UNKNOWN UINT64_MAX

/* How a socket's owner is known, worst first: a better one replaces a worse one. */
enum owner_source {
	OWNER_UNKNOWN,
	OWNER_LISTENER, /* provisional: the process behind the listener */
	OWNER_IO,	/* acted on the socket */
	OWNER_SNAPSHOT, /* holds a descriptor, by scan */
	OWNER_CLOSE,
	OWNER_LISTEN,
	OWNER_CONNECT,
	OWNER_ACCEPT,
	OWNER_SOURCES
};

enum socket_role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

/* One sample that waits for its owner: from, to and the time spent in `from`. */
typedef uint64_t step_t;

/* A server's socket whose owner never showed makes 4: SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2.
 */
#define SOCKET_STEPS 4

/* Everything known of one open socket. Kept small: there may be a million. */
struct tcp_socket {
	uint64_t cookie;    /* with handle: a struct cookie_entry */
	uint32_t handle;    /* the socket's short name in the table */
	uint32_t write_seq; /* as of entering CLOSE_WAIT, or the last look since */
	uint64_t since_ns;  /* when it entered `state`; if !since_known, at the latest */
	struct process *owner;
	step_t steps[SOCKET_STEPS];
	struct flow flow;
	uint32_t copied_seq; /* like write_seq */
	uint32_t watch_prev; /* links of the leak watch; handles, 0 = none */
	uint32_t watch_next;
	uint32_t stack; /* where it was made: number in the stack table; 0 = not known */
	unsigned int state : 4;
	unsigned int scan_state : 4; /* what a running scan saw, if it differs */
	unsigned int owner_source : 3;
	unsigned int role : 2;
	unsigned int step_count : 3;
	unsigned int since_known : 1;
	unsigned int scanned : 1; /* seen by the running scan */
	unsigned int watched_for_leak : 1;
	unsigned int leaked : 1; /* reported */
	unsigned int left : 1;	 /* its process ends without close() */
	unsigned int kernel : 1; /* a socket of the kernel itself, or not yet accepted from an MPTCP
				    listener */
	unsigned int mini_refused : 1; /* there was no mini-socket to go on in */
	unsigned int hidden : 1;       /* filter_hides_flow(): known, but not shown */
	unsigned int bound : 1;	       /* a client's: it had its port before connect() */
};

_Static_assert(offsetof(struct tcp_socket, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct tcp_socket, handle) == offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

/* A cookie table of struct tcp_socket: base/cookie_table.h has what holds for each function. */
struct socket_table;

static inline struct cookie_table *socket_cookies(const struct socket_table *table)
{
	return (struct cookie_table *)table;
}

static inline struct socket_table *socket_table_new(void)
{
	return (struct socket_table *)cookie_table_new(sizeof(struct tcp_socket));
}

static inline void socket_table_free(struct socket_table *table)
{
	cookie_table_free(socket_cookies(table));
}

static inline struct tcp_socket *socket_table_find(struct socket_table *table, uint64_t cookie)
{
	return cookie_table_find(socket_cookies(table), cookie);
}

static inline struct tcp_socket *socket_table_at(struct socket_table *table, uint32_t handle)
{
	return cookie_table_at(socket_cookies(table), handle);
}

static inline struct tcp_socket *socket_table_insert(struct socket_table *table, uint64_t cookie)
{
	return cookie_table_insert(socket_cookies(table), cookie);
}

static inline void socket_table_remove(struct socket_table *table, struct tcp_socket *socket)
{
	cookie_table_remove(socket_cookies(table), socket);
}

static inline size_t socket_table_count(const struct socket_table *table)
{
	return cookie_table_count(socket_cookies(table));
}

static inline struct tcp_socket *socket_table_next(struct socket_table *table, uint32_t *position)
{
	return cookie_table_next(socket_cookies(table), position);
}

#endif
