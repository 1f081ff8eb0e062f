/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LISTENER_INDEX_H
#define TCPWATCH_LISTENER_INDEX_H

#include <stdbool.h>

#include "track/socket_table.h"

/* The sockets in LISTEN, by network namespace and port. They stay the socket table's. */
struct listener_index;

/* Returns NULL without memory. */
struct listener_index *listener_index_new(void);
void listener_index_free(struct listener_index *index);

/* Returns 0 or -ENOMEM. The socket must be removed here before its flow changes, and before it is
 * removed from the socket table. */
int listener_index_add(struct listener_index *index, struct tcp_socket *listener);
void listener_index_remove(struct listener_index *index, struct tcp_socket *listener);

/*
 * Returns the listener that a connection with this flow came in by: one on the exact address rather
 * than a wildcard. NULL if there is none. *several is true if listeners of different owners match
 * equally well (SO_REUSEPORT), so that the owner is not known.
 */
struct tcp_socket *listener_index_find(struct listener_index *index, const struct flow *flow,
				       bool *several);

/*
 * Walks the listeners that a connection with this flow can have come in by: start with `previous`
 * NULL, ends with NULL. No listener may be added or removed during a walk.
 */
struct tcp_socket *listener_index_next(struct listener_index *index, const struct flow *flow,
				       const struct tcp_socket *previous);

#endif
