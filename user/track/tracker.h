/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TRACKER_H
#define TCPWATCH_TRACKER_H

#include <stdint.h>

#include "event.h"
#include "model/cause.h"
#include "model/feature.h"
#include "symbol/stack_table.h"
#include "track/filter.h"
#include "track/listener_index.h"
#include "track/mini_table.h"
#include "track/process_table.h"
#include "track/recent.h"
#include "track/reset_loss.h"
#include "track/retransmit_table.h"
#include "track/socket_table.h"

/*
 * The tables of sockets and processes, and the steps in which they change. What a record means is
 * in the modules above: transition.c, passive_open.c, mini_tracker.c, retransmit.c, reconcile.c.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */

/* One transition, for output and judgement. Valid during the call only. */
struct change {
	uint64_t time_ns;
	uint64_t cookie;
	uint64_t lifetime_ns; /* spent in `from`; DURATION_UNKNOWN if its start was not seen */
	const struct flow *flow;
	const struct process *owner; /* NULL = unknown */
	enum owner_source owner_source;
	enum socket_role role;
	enum cause cause;
	enum reset_loss loss;
	uint32_t port_range; /* SYN_SENT > CLOSE: as in the record */
	unsigned int from;
	unsigned int to;
};

/* One accept(). Valid during the call only. */
struct accepted {
	uint64_t time_ns;
	uint64_t cookie;
	uint64_t wait_ns; /* in the accept queue; DURATION_UNKNOWN if its start was not seen */
	const struct flow *flow;
	const struct process *process; /* NULL = not visible */
};

/* Functions that the tracker calls. They must not add or remove sockets. */
struct tracker_hooks {
	/* Before a socket leaves its state. time_ns is 0 if no record said so: the socket was
	 * found to be gone, or in another state. */
	void (*leaving)(void *context, struct tcp_socket *socket, uint64_t time_ns);
	/* Before leaving(), if an exiting process leaves a socket in CLOSE_WAIT. May be NULL. */
	void (*left)(void *context, struct tcp_socket *socket, const struct event_transition *e);
	/* After a transition. `socket` is in its new state, or about to be removed (CLOSE); NULL if
	 * it was not in the table. */
	void (*changed)(void *context, const struct change *change, struct tcp_socket *socket);
	/* After a connection was accepted. */
	void (*accepted)(void *context, const struct accepted *accepted);
	/* After a scan found a socket in a state that it entered at an unknown time. */
	void (*found)(void *context, struct tcp_socket *socket);
	void *context;
};

/* A record that does not fit to what is known of its socket: others were lost. */
struct misfit {
	uint64_t time_ns;  /* 0: no such record is being handled */
	uint64_t after_ns; /* when the socket entered the state that was known; 0: unknown */
	unsigned int from; /* the state that the record names */
};

/* The most sockets in CLOSE that are kept until their unknown owner closes them; the oldest are
 * removed first. */
#define TRACKER_CLOSED 4096

struct tracker {
	struct socket_table *sockets;
	struct mini_table *minis;
	struct process_table *processes;
	struct listener_index *listeners;
	struct retransmit_table *retransmits;
	struct stack_table
		*stacks;       /* of stack_tracker.c, counts the uses by sockets; NULL = none */
	struct filter *filter; /* the caller's */
	struct tracker_hooks hooks;
	feature_set features; /* the records that the source can give */
	struct recent recent;
	struct reset_recent resets;
	/* Of tcpwatch. It never owns a socket by acting on one: its own reads of the TCP tables can
	 * process a socket's backlog. */
	uint32_t self_tgid;
	uint64_t closed[TRACKER_CLOSED]; /* a ring of the cookies of kept sockets; 0 = none */
	unsigned int closed_next;
	uint64_t tick_ns; /* length of a kernel tick as of the last scan; 0 = none yet */
	uint64_t retransmits_evicted; /* entries of `retransmits` removed because it was full */
	bool minis_asked;	      /* ... and the running scan answers that */
	bool minis_doubted;	      /* records were lost since the last scan of mini-sockets */
	uint64_t ended_while_held; /* sockets that a process held when they went to CLOSE, or that
				      a scan found so */
	struct misfit misfit;	   /* for the hooks, while a record is handled */
	uint64_t gaps;		   /* records whose `from` differs from the table */
	uint64_t no_memory;	   /* sockets that could not be added */
};

/* Returns 0 or -ENOMEM; the caller calls tracker_free() in both cases. `filter` stays the caller's
 * and must outlive the tracker. */
int tracker_init(struct tracker *tracker, struct filter *filter, uint32_t self_tgid,
		 const struct tracker_hooks *hooks);
void tracker_free(struct tracker *tracker);

/* Folds exited processes together if there are too many (process_table_fold()), also those that own
 * nothing but mini-sockets. */
void tracker_fold(struct tracker *tracker, bool (*alive)(void *context, uint32_t tgid),
		  void *context);

/* Handles one checked record of a fork. Returns the child's pid if the filter watches it from now
 * on (-f), else 0. */
uint32_t tracker_fork(struct tracker *tracker, const struct event_fork *e);

/* Adds a socket in this state; the cookie must be new. Returns NULL without memory. */
struct tcp_socket *tracker_add(struct tracker *tracker, uint64_t cookie, const struct flow *flow,
			       unsigned int state);

/* Removes a socket, after its waiting samples were given to the best known owner. */
void tracker_remove(struct tracker *tracker, struct tcp_socket *socket);

/* Adds a socket that begins to listen to the listener index, and removes one that stops. */
void tracker_index_listener(struct tracker *tracker, struct tcp_socket *socket, unsigned int state);

/* Changes the state of a socket and keeps the listener index up to date. */
static inline void tracker_set_state(struct tracker *tracker, struct tcp_socket *socket,
				     unsigned int state)
{
	if (socket->state == TCP_LISTEN || state == TCP_LISTEN)
		tracker_index_listener(tracker, socket, state);
	socket->state = state;
}

/* Replaces the flow of a socket, whose first record may lack the local port, and keeps the listener
 * index up to date. */
void tracker_set_flow(struct tracker *tracker, struct tcp_socket *socket, const struct flow *flow);

/* Counts a transition of something that is not in the socket table for `owner` (NULL = unknown) and
 * calls hooks.changed(). */
void tracker_report(struct tracker *tracker, struct process *owner, const struct change *change);

/* Gives all waiting samples and counts to the best known owners, before the last summary. */
void tracker_settle_all(struct tracker *tracker);

#endif
