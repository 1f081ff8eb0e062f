/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TRACKER_H
#define TCPWATCH_TRACKER_H

#include <stdint.h>

#include "model/cause.h"
#include "event.h"
#include "model/feature.h"
#include "track/listener_index.h"
#include "track/mini_table.h"
#include "track/process_table.h"
#include "track/recent.h"
#include "track/retransmit_table.h"
#include "track/socket_table.h"
#include "track/filter.h"

/* One transition as it is understood, for whoever prints or judges it. Valid during the call only.
 */
struct change {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t cookie;
	uint64_t lifetime_ns; /* spent in `from`; DURATION_UNKNOWN if its start was not seen */
	const struct flow *flow;
	const struct process *owner; /* NULL = unknown */
	enum owner_source owner_source;
	enum socket_role role;
	enum cause cause;
	unsigned int from;
	unsigned int to;
};

/* One accept(). Valid during the call only. */
struct accepted {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t cookie;
	uint64_t wait_ns; /* in the accept queue; DURATION_UNKNOWN if its start was not seen */
	const struct flow *flow;
	const struct process *process; /* NULL = not visible */
};

/* Who wants to know. Hooks must not add or remove sockets. */
struct tracker_hooks {
	/* Before a socket leaves its state, at time_ns; 0: it was gone, or in another state,
	 * without a record of it. */
	void (*leaving)(void *context, struct tcp_socket *socket, uint64_t time_ns);
	/* Before leaving(), where a process leaves a socket in CLOSE_WAIT by its end. NULL: nobody
	 * wants to know. */
	void (*left)(void *context, struct tcp_socket *socket, const struct event_transition *e);
	/* After a transition; `socket` already is in its new state, or on its way out (to CLOSE).
	 * NULL: never known. */
	void (*changed)(void *context, const struct change *change, struct tcp_socket *socket);
	/* A connection was accepted. */
	void (*accepted)(void *context, const struct accepted *accepted);
	/* The scan put a socket into a state, entered at an unknown time. */
	void (*found)(void *context, struct tcp_socket *socket);
	void *context;
};

/* The most sockets in CLOSE that wait for the close() of their unknown owner; the oldest go first.
 */
#define TRACKER_CLOSED 4096

/* Sockets that ended last: their resets may be told after it. */
#define SEGMENT_ENDED 256

struct segment_ended {
	uint64_t cookie;       /* 0 = none */
	struct process *owner; /* NULL = unknown */
};

/* Turns transitions into the state of sockets and processes. */
struct tracker {
	struct socket_table *sockets;
	struct mini_table *minis;
	struct process_table *processes;
	struct listener_index *listeners;
	struct segment_table *segments; /* sockets in trouble */
	struct filter *filter;
	struct tracker_hooks hooks;
	feature_set features; /* what the source tells */
	struct recent recent;
	uint32_t self_tgid; /* our own reading of the tables can drain a backlog: never known by
			       acting */
	uint64_t closed[TRACKER_CLOSED]; /* their cookies, in a ring; 0 = none */
	unsigned int closed_next;
	struct segment_ended ended[SEGMENT_ENDED]; /* a ring */
	unsigned int ended_next;
	uint64_t tick_ns;	   /* length of a kernel tick, as of the last scan; 0: none yet */
	uint64_t segments_evicted; /* entries of `segments` that went for want of room */
	bool minis_doubted;	   /* records were lost since the last scan of mini-sockets */
	uint64_t gaps;		   /* records whose `from` was not what the table knew */
	uint64_t no_memory;	   /* sockets that could not be added */
};

/* Returns 0 or -ENOMEM; free with tracker_free() in both cases. `watched` stays the caller's. */
int tracker_init(struct tracker *tracker, struct filter *filter, uint32_t self_tgid,
		 const struct tracker_hooks *hooks);
void tracker_free(struct tracker *tracker);

/* Takes in one checked transition. */
void tracker_transition(struct tracker *tracker, const struct event_transition *e);

/* Takes in one checked birth. Returns the child's pid if it is newly watched, else 0. */
uint32_t tracker_fork(struct tracker *tracker, const struct event_fork *e);

/* Adds a socket and takes it out again; for the reconciler. */
struct tcp_socket *tracker_add(struct tracker *tracker, uint64_t cookie, const struct flow *flow,
			       unsigned int state);
void tracker_remove(struct tracker *tracker, struct tcp_socket *socket);

/* Puts a socket into a state (and the listener index in or out of it). */
void tracker_set_state(struct tracker *tracker, struct tcp_socket *socket, unsigned int state);

/* Gives a socket other ends: those of its first record may lack the port. */
void tracker_set_flow(struct tracker *tracker, struct tcp_socket *socket, const struct flow *flow);

/* Counts a transition that no socket of the table makes, for its owner (NULL = unknown), and tells
 * of it. */
void tracker_tell(struct tracker *tracker, struct process *owner, const struct change *change);

/* Gives all waiting samples to the best owners known: before a last summary. */
void tracker_settle_all(struct tracker *tracker);

#endif
