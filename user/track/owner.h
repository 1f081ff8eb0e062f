/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OWNER_H
#define TCPWATCH_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "track/process_table.h"
#include "track/socket_table.h"

/*
 * Who owns a socket, and the samples that wait until that is known. A sample goes to its process as
 * soon as the owner is sure (OWNER_CLOSE or better, or the only holder by scan); else it waits in
 * the socket until owner_settle().
 */

/* How surely the actor of this record owns the socket. */
enum owner_source owner_source_of(const struct event_transition *e);

/* The owner is known by a descriptor or a system call, not inferred. */
static inline bool owner_is_known(const struct tcp_socket *socket)
{
	return socket->owner_source >= OWNER_SNAPSHOT;
}

/* Makes `process` the owner if `source` is better than what is known. */
void owner_learn(struct tcp_socket *socket, struct process *process, enum owner_source source);

/* Who holds a socket, counted up from a scan, oldest process first. All zero is nobody. */
struct owner_tally {
	struct process *oldest;
	bool several;
	bool owner_holds; /* the owner so far is among them */
};

/* NULL: somebody holds it who is not visible. */
void owner_tally_add(struct owner_tally *tally, const struct tcp_socket *socket,
		     struct process *holder);

/* The scan found these holders: one of them is the owner, unless the one known so far is still
 * among them. */
void owner_learn_holders(struct tcp_socket *socket, const struct owner_tally *tally);

/* Adds a sample: the socket went from `from` to `to` after `ns` (DURATION_UNKNOWN if not known). */
void owner_sample(struct tcp_socket *socket, struct process *unknown, unsigned int from,
		  unsigned int to, uint64_t ns);

/* The time spent since the sample that left `from`, if all of it waits; else DURATION_UNKNOWN. */
uint64_t owner_waited_since(const struct tcp_socket *socket, unsigned int from);

/* No better owner will come: gives the waiting samples to the best one known, else to `unknown`. */
void owner_settle(struct tcp_socket *socket, struct process *unknown);

/* Forgets the owner; the socket is about to go. */
void owner_release(struct tcp_socket *socket);

/* The name in outputs: "connect", "listener", ... */
const char *owner_source_name(enum owner_source source);

#endif
