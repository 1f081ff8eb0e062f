/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ACCEPT_QUEUES_H
#define TCPWATCH_ACCEPT_QUEUES_H

#include <stddef.h>
#include <stdint.h>

/* A connection that waits in the accept queue of a listener; both by their cookies. */
struct queued {
	uint64_t connection;
	uint64_t listener;
};

/* The beginnings of all accept queues, as a scan found them. All zero is empty. */
struct accept_queues {
	struct queued *items; /* after accept_queues_finish(): by listener, each one once */
	size_t count;
	size_t capacity;
	struct queued *by_connection; /* the same by connection; within `items` */
};

/* Returns 0 or -ENOMEM. */
int accept_queues_add(struct accept_queues *queues, uint64_t listener, uint64_t connection);

/* After the last one was added. Returns 0 or -ENOMEM. */
int accept_queues_finish(struct accept_queues *queues);

/* The listener in whose queue the connection was found; 0 = in none. */
uint64_t accept_queues_find(const struct accept_queues *queues, uint64_t connection);

/* Sets *first to the connections that were found in the queue of this listener, which follow each
 * other, and returns their number. */
size_t accept_queues_of(const struct accept_queues *queues, uint64_t listener,
			const struct queued **first);

/* How many connections were found in the queue of this listener. */
size_t accept_queues_length(const struct accept_queues *queues, uint64_t listener);

/* Frees the memory and leaves it empty. */
void accept_queues_clear(struct accept_queues *queues);

#endif
