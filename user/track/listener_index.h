/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LISTENER_INDEX_H
#define TCPWATCH_LISTENER_INDEX_H

#include <stdbool.h>

#include "track/socket_table.h"

/* The LISTEN sockets of the socket table by where they listen. */
struct listener_index;

struct listener_index *listener_index_new(void);
void listener_index_free(struct listener_index *index);

/* Returns 0 or -ENOMEM. The socket must be removed before it leaves the socket table. */
int listener_index_add(struct listener_index *index, struct tcp_socket *listener);
void listener_index_remove(struct listener_index *index, struct tcp_socket *listener);

/*
 * The listener that a connection with this flow came in by: its exact address before a wildcard.
 * *several is set where listeners of different owners fit equally (SO_REUSEPORT), so that none can
 * be blamed. NULL if there is none.
 */
struct tcp_socket *listener_index_find(struct listener_index *index, const struct flow *flow,
				       bool *several);

/*
 * Walks the listeners that a connection with this flow could have come in by; start with NULL, ends
 * with NULL. Nothing may be added or removed during a walk.
 */
struct tcp_socket *listener_index_next(struct listener_index *index, const struct flow *flow,
				       const struct tcp_socket *previous);

#endif
