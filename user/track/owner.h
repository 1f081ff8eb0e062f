/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OWNER_H
#define TCPWATCH_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "track/process_table.h"
#include "track/socket_table.h"

/*
 * The process that owns a socket, and the samples that wait until it is known. A sample is counted
 * for its process as soon as the owner is certain (OWNER_CLOSE or better, or the only holder that a
 * scan found); else it waits in the socket until owner_settle(). A process is not freed while it
 * owns a socket.
 */

/* How well this record shows that its actor owns the socket. */
enum owner_source owner_source_of(const struct event_transition *e);

/* The owner is known by a descriptor or a system call, not inferred. */
static inline bool owner_is_known(const struct tcp_socket *socket)
{
	return socket->owner_source >= OWNER_SNAPSHOT;
}

/* Makes `process` the owner if `source` is better than the source of the current one. NULL: nothing
 * happens. */
void owner_learn(struct tcp_socket *socket, struct process *process, enum owner_source source);

/*
 * A scan found the socket in the accept queue of a listener of this process (NULL = not known).
 * This replaces what was inferred from its address.
 */
void owner_learn_queue(struct tcp_socket *socket, struct process *process);

/* The holders of a socket as a scan found them, oldest process first. All zero is no holder. */
struct owner_tally {
	struct process *first;
	struct process *oldest; /* the one to name: the oldest that owner_is_activator() is not true
				   of, if there is one */
	bool several;		/* there are several processes, or one that is not visible */
	bool owner_holds;	/* the current owner is one of them */
};

/* Whether the process opens sockets for others and keeps them without using them: systemd, for
 * socket activation. It owns a socket only if nobody else holds it. */
bool owner_is_activator(const struct process *process);

/* Adds a holder; NULL: a process that is not visible. */
void owner_tally_add(struct owner_tally *tally, const struct tcp_socket *socket,
		     struct process *holder);

/* Makes the oldest holder the owner, unless the current owner is certain and still a holder. */
void owner_learn_holders(struct tcp_socket *socket, const struct owner_tally *tally);

/*
 * The same with the holders of a scan: those of the EVENT_SCAN_FD records with which the `count`
 * records of the socket begin, oldest process first, as scan_result_finish() sorts them.
 */
void owner_learn_scanned(struct tcp_socket *socket, struct process_table *processes,
			 const struct event_scan *records, size_t count);

/* Adds a sample: the socket went from `from` to `to` after `ns` nanoseconds (DURATION_UNKNOWN if
 * not known). If too many wait, the oldest is counted for the best known owner, else for `unknown`.
 */
void owner_sample(struct tcp_socket *socket, struct process *unknown, unsigned int from,
		  unsigned int to, uint64_t ns);

/* The nanoseconds from the end of state `from` to the last sample, if all samples since then wait
 * and their durations are known; else DURATION_UNKNOWN. */
uint64_t owner_waited_since(const struct tcp_socket *socket, unsigned int from);

/* No better owner will be known: counts the waiting samples for the best known one, else for
 * `unknown`. */
void owner_settle(struct tcp_socket *socket, struct process *unknown);

/* Releases the owner of a socket that is about to be removed. */
void owner_release(struct tcp_socket *socket);

/* The name in outputs: "connect", "listener", ... */
const char *owner_source_name(enum owner_source source);

#endif
