/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_READER_H
#define TCPWATCH_RING_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "event.h"

/*
 * Reads records from a BPF ring buffer. libbpf's reader maps the data twice in a row, so that no
 * record is split, but a ring of 16 MB counts as 32 MB of resident memory then. This one maps the
 * data once, and copies the record that crosses the end.
 */
struct ring_reader;

/* A longer record, which no BPF program writes, loses its end where it crosses the end of the
 * ring. */
#define RING_RECORD_MAX sizeof(union event_record)

/* Maps the ring of a BPF map's descriptor, which stays the caller's. `size`: bytes of data, a power
 * of two. Returns 0, or a negative errno with *reader untouched. */
int ring_reader_new(struct ring_reader **reader, int fd, size_t size);
/* NULL is allowed. */
void ring_reader_free(struct ring_reader *reader);

/* The position behind the last record that the kernel has begun to write. Positions grow with every
 * record, and overflow. */
unsigned long ring_reader_written(const struct ring_reader *reader);

/*
 * Passes records to the sink, in order, that begin before the position `end`, and at most `most` of
 * them. A record is valid only during the call. Returns whether some are left before `end` that can
 * be taken now: those behind one that the kernel still writes cannot.
 */
bool ring_reader_consume(struct ring_reader *reader, unsigned long end, size_t most,
			 void (*sink)(void *context, const void *record, size_t size),
			 void *context);

#endif
