/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_READER_H
#define TCPWATCH_RING_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * Reads records from a BPF ring buffer, one by one. libbpf's reader cannot look at a record before
 * it takes it, as ring_set.c does with several rings. And it maps the data twice in a row, so that
 * no record is split, but a ring of 16 MB counts as 32 MB of resident memory then. This one maps
 * the data once, and copies the record that crosses the end.
 */
struct ring_reader;

/* Takes one record. Valid during the call only. */
typedef void (*ring_sink)(void *context, const void *record, size_t size);

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

/* Whether everything that the kernel has begun to write was taken or passed over. */
bool ring_reader_is_empty(const struct ring_reader *reader);

enum ring_head {
	RING_END,   /* there is no record before the position that was given */
	RING_BUSY,  /* the kernel is still writing the next one */
	RING_RECORD /* there is one to be taken */
};

/* Looks at the next record that begins before the position `end`, and passes over what the kernel
 * has discarded. Sets *time_ns of a RING_RECORD. */
enum ring_head ring_reader_head(struct ring_reader *reader, unsigned long end, uint64_t *time_ns);

/* Passes the record to the sink for which ring_reader_head() has just returned RING_RECORD. */
void ring_reader_take(struct ring_reader *reader, ring_sink sink, void *context);

/* Gives the room of all records that were taken back to the kernel, which otherwise gets it in
 * large parts. To be called when no more are taken for now. */
void ring_reader_release(struct ring_reader *reader);

#endif
