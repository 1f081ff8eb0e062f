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

/* How a socket's owner is known, worst first: a better source replaces a worse one. */
enum owner_source {
	OWNER_UNKNOWN,
	OWNER_LISTENER, /* provisional: the process behind the listener */
	OWNER_IO,	/* the process caused a transition */
	OWNER_SNAPSHOT, /* the process holds a descriptor, as a scan found */
	OWNER_CLOSE,	/* the process called close() or shutdown(), and likewise below */
	OWNER_LISTEN,
	OWNER_CONNECT,
	OWNER_ACCEPT,
	OWNER_SOURCES
};

enum socket_role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

/* A transition that waits to be counted until the socket's owner is known. */
struct socket_sample {
	uint64_t ns : 56; /* spent in `from`; SOCKET_SAMPLE_UNKNOWN = not known */
	uint64_t from : 4;
	uint64_t to : 4;
};

#define SOCKET_SAMPLE_UNKNOWN ((1ULL << 56) - 1)

/* The most samples that wait in a socket. A server's socket whose owner was never known leaves four
 * states: SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2. */
#define SOCKET_SAMPLES 4

/* What is known of one open socket. It is kept small, because there may be a million. Times are
 * nanoseconds of CLOCK_MONOTONIC. */
struct tcp_socket {
	uint64_t cookie;       /* with handle: a struct cookie_entry */
	uint32_t handle;       /* identifies the socket in the table */
	uint32_t write_seq;    /* tcp_sock.write_seq at the last transition or scan */
	uint64_t since_ns;     /* when it entered `state`; if !since_known, at the latest */
	struct process *owner; /* NULL = unknown */
	struct socket_sample samples[SOCKET_SAMPLES];
	struct flow flow;
	uint32_t copied_seq; /* tcp_sock.copied_seq, like write_seq; leak_judge() updates it too */
	uint32_t watch_prev; /* list of the leak watch: handles; 0 = none */
	uint32_t watch_next;
	uint32_t stack; /* where it was created: number in the stack table; 0 = not known */
	unsigned int state : 4;
	unsigned int scan_state : 4; /* the state that the running scan saw, if it differs */
	unsigned int owner_source : 3;
	unsigned int role : 2;
	unsigned int sample_count : 3;
	unsigned int since_known : 1;
	unsigned int scanned : 1;	   /* seen by the running scan */
	unsigned int queued : 1;	   /* the last such scan found it in an accept queue */
	unsigned int watched_for_leak : 1; /* it is in the list of the leak watch */
	unsigned int due_for_leak : 1;	   /* ... was taken from it, and waits for a scan */
	unsigned int leaked : 1;	   /* it was reported, or is ignored */
	unsigned int left : 1;		   /* its process exited without close() */
	unsigned int redirected : 1;	   /* its address does not tell its listener */
	unsigned int kernel : 1; /* a socket of the kernel itself, or one of an MPTCP listener that
				    is not accepted yet */
	unsigned int mini_refused : 1; /* the kernel could not create a mini-socket */
	unsigned int hidden : 1;       /* filter_hides_flow(): it is known, but not shown */
	unsigned int bound : 1;	       /* of a client: it had its port before connect() */
	unsigned int owner_new : 1; /* a record has named its owner since the running scan began */
	/* reset_note_data() */
	unsigned int
		opened : 1;    /* it was seen to become ESTABLISHED; then the next two are known */
	unsigned int sent : 1; /* it has sent data */
	unsigned int read : 1; /* its program has read data */
};

_Static_assert(sizeof(struct socket_sample) == 8, "a sample is packed");
/* The table adds at most 21 bytes. */
_Static_assert(sizeof(struct tcp_socket) == 128, "a million sockets take 150 bytes each");

_Static_assert(offsetof(struct tcp_socket, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct tcp_socket, handle) == offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

/* A cookie table of struct tcp_socket: base/cookie_table.h describes each function. */
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
