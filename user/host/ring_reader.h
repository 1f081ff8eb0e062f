/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_READER_H
#define TCPWATCH_RING_READER_H

#include <stddef.h>

/*
 * Takes records out of a BPF ring buffer. Libbpf's reader maps the data twice in a row, so that no
 * record is ever split: 16 MB of ring are 32 MB of resident memory. Here they are mapped once, and
 * the one record that crosses the end is copied.
 */
struct ring_reader;

/* The longest record that is taken whole where it crosses the end; longer ones lose their end. */
#define RING_RECORD_MAX 512

/* A ring of `size` bytes of data, a power of two, behind a map's descriptor, which stays the
 * caller's. Returns 0 or a negative errno. */
int ring_reader_new(struct ring_reader **reader, int fd, size_t size);
void ring_reader_free(struct ring_reader *reader);

/* Gives away what is there, in order, each valid during the call only. */
void ring_reader_consume(struct ring_reader *reader,
			 void (*sink)(void *context, const void *record, size_t size),
			 void *context);

#endif
