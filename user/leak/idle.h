/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_IDLE_H
#define TCPWATCH_LEAK_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "leak/group.h"
#include "leak/leak.h"
#include "model/flow.h"
#include "track/process_table.h"
#include "track/tracker.h"

/*
 * Connections that are idle in the pools of clients, and whose servers have closed. What the kernel
 * says of a connection that a client has forgotten after the response is the same. They differ over
 * time: a pool opens a connection only if it has no idle one, or in place of one that it closes, so
 * their number has a bound; forgotten connections pile up.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
struct leak_idle;

/* The idle connections of a process to one peer are forgotten if so many of them were opened while
 * an older one stayed behind, and fewer than half as many were closed meanwhile. (A pool of one
 * connection in each of some threads leaves fewer.) */
#define IDLE_FORGOTTEN 10
/* So many are forgotten however many were closed, if they are as many generations as above: the
 * largest usual pool (Go's http.Transport) keeps 100. */
#define IDLE_FORGOTTEN_ANYWAY 100
/* At least so many must have been opened one after the other, each after the one before it was left
 * by its server. All that are opened in one burst are one generation. */
#define IDLE_GENERATIONS 3

/* One such connection. */
struct idle_connection {
	uint64_t cookie;
	uint64_t opened_ns;	  /* 0 = before tcpwatch started, or not known */
	uint64_t since_ns;	  /* when its server closed */
	struct process *process;  /* kept alive */
	bool told;		  /* the caller's: reported as idle, and counted in `group` */
	struct leak_group *group; /* NULL = it is ignored */
	bool undecided;		  /* the caller's: left, and not reported yet */
	struct idle_left *left;	  /* if its process has exited and left it open */
	void *links;		  /* the module's own */
};

/* The report of a connection that was left at exit, without holders and stack. */
struct idle_left {
	struct leak leak; /* its flow is `flow` */
	struct flow flow;
	uint32_t stack;
};

/* The most connections that are kept after the exit of their processes. */
#define IDLE_LEFT_LIMIT 10000

/* Returns NULL without memory. */
struct leak_idle *leak_idle_new(void);
/* Does not touch processes, which may have been freed. NULL is allowed. */
void leak_idle_free(struct leak_idle *idle);

/* Notes when a connection was opened that leaves ESTABLISHED for CLOSE_WAIT now, after lived_ns
 * nanoseconds (DURATION_UNKNOWN: not known). */
void leak_idle_note(struct leak_idle *idle, const struct tcp_socket *socket, uint64_t lived_ns);

/*
 * Whether this side of a connection in CLOSE_WAIT, of which a scan has found this record, is the
 * client. If the start of the connection was not seen, that follows from what the kernel has
 * counted, or from the ports: its own is one that the kernel chooses for clients, and has no
 * listener; the other one is a well-known port, or has a listener here. Then the role of the socket
 * is set.
 */
bool leak_idle_is_client(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_scan *record);

/* Adds a connection of this process, if it is not there yet. `left` is its report if its process
 * exits now, else NULL. Returns NULL without memory, and where there is no room. */
struct idle_connection *leak_idle_add(struct leak_idle *idle, const struct tcp_socket *socket,
				      struct process *process, const struct leak *left);

/* How many there are. */
size_t leak_idle_count(const struct leak_idle *idle);

/* Returns NULL if it was not added. */
struct idle_connection *leak_idle_find(struct leak_idle *idle, uint64_t cookie);

/* Removes a connection, which is no idle one. */
void leak_idle_drop(struct leak_idle *idle, struct idle_connection *connection);

/* The socket leaves CLOSE_WAIT at time_ns; 0: no record of it was seen. Removes its connection if
 * there is one, unless its process has left it. */
void leak_idle_closed(struct leak_idle *idle, const struct tcp_socket *socket, uint64_t time_ns);

/* Whether this connection is one of those that its process has forgotten. Once they are, they stay
 * forgotten as long as there is one of them. */
bool leak_idle_forgotten(const struct idle_connection *connection);

/* Walks all connections, the one that was added first being the first: starts with NULL, ends with
 * NULL. */
struct idle_connection *leak_idle_next(struct leak_idle *idle, struct idle_connection *previous);

#endif
