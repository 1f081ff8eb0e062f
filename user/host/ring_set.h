/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_SET_H
#define TCPWATCH_RING_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/ring_reader.h"

/*
 * Several rings as one: their records come in the order of time. Within a ring they come in the
 * ring's order, even if a record has an earlier time than the one before it. If their writers keep
 * the rules of bpf/ring.bpf.h, every socket's records come in the order in which they were written.
 */
struct ring_set;

/* Returns NULL without memory. */
struct ring_set *ring_set_new(void);
/* NULL is allowed. */
void ring_set_free(struct ring_set *set);

/* Adds a ring, as ring_reader_new(). Of records with the same time, that in the ring that was added
 * first comes first. Returns 0 or a negative errno. */
int ring_set_add(struct ring_set *set, int fd, size_t size);

/* Looks at what is in the rings. The clock that the times are compared with must be read before. */
void ring_set_look(struct ring_set *set);

/*
 * Passes at most `most` records to the sink: those which ring_set_look() has seen, and which are
 * older than `before_ns`. Returns whether some of them are left that can be taken now. None can be
 * taken while the kernel still writes the next record of a ring: it is not known how old that is.
 */
bool ring_set_take(struct ring_set *set, uint64_t before_ns, size_t most, ring_sink sink,
		   void *context);

/* Whether nothing is in the rings, and nothing is being written to them. */
bool ring_set_is_empty(const struct ring_set *set);

/* Gives the room of all records that were taken back to the kernel: ring_reader_release(). */
void ring_set_release(struct ring_set *set);

#endif
