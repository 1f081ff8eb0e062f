/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SEGMENT_TABLE_H
#define TCPWATCH_SEGMENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cookie_order.h"
#include "model/segment_count.h"

/*
 * Sockets in trouble, and what is known of it: what had to be sent again, and how the peer answers.
 * A socket that is well has no entry. An entry begins with the first record of trouble
 * (bpf/segment.bpf.c), is that of a struct tcp_socket with the same cookie, and goes with it.
 *
 * All of it is as of the last record: a socket that is well again is known by last_ns, which is
 * then long ago for its `backoff` (the kernel tries again after 1 s at first, at most 120 s).
 */
struct segment_trouble {
	uint64_t cookie; /* with handle: a struct cookie_entry */
	uint32_t handle;
	struct cookie_links order; /* of last_ns */
	uint32_t unacknowledged;   /* bytes, sent or not; a SYN and a FIN count 1 */
	uint64_t first_ns;	   /* the first record; CLOCK_MONOTONIC, as all times here */
	uint64_t last_ns;	   /* the last one */
	/* When an ACK was last received; 0 = not known, or none ever was (SYN_SENT). */
	uint64_t last_received_ns;
	uint64_t unanswered_ns;	      /* when the first of `timeouts` was seen; 0 = none */
	uint64_t waiting_ns;	      /* when `waiting` began to be more than nothing */
	struct segment_count waiting; /* for its owner to be known; track/retransmit.h */
	uint32_t repeated;	      /* segments sent again, but for SYN-ACKs; saturates */
	uint32_t synacks; /* of a listener: SYN-ACKs sent again to all peers; saturates */
	uint8_t state;	  /* as of the last record; of a listener SYN_RECV */
	uint8_t timeouts; /* in a row, without an answer; 0: the peer answers, it lost one segment
			   */
	uint8_t backoff;  /* how often the timeout was doubled */
	bool keepalive;	  /* SO_KEEPALIVE is on */
};

struct segment_table;

/* The most that are kept. */
#define SEGMENT_TABLE_LIMIT 16384

/* NULL without memory. */
struct segment_table *segment_table_new(void);
void segment_table_free(struct segment_table *table);

/* NULL: that socket is in no trouble. Valid until the next record is taken in. */
struct segment_trouble *segment_table_find(struct segment_table *table, uint64_t cookie);

/* Adds a zeroed one, with first_ns and last_ns; the cookie must be new, and the table not full.
 * NULL without memory. */
struct segment_trouble *segment_table_insert(struct segment_table *table, uint64_t cookie,
					     uint64_t time_ns);

void segment_table_remove(struct segment_table *table, struct segment_trouble *trouble);

/* It is in trouble still, at time_ns. */
void segment_table_touch(struct segment_table *table, struct segment_trouble *trouble,
			 uint64_t time_ns);

bool segment_table_is_full(const struct segment_table *table);

/* The one that had no trouble for longest; NULL if there are none. */
struct segment_trouble *segment_table_oldest(struct segment_table *table);

/* Walks all, as socket_table_next(): start with *position 0, ends with NULL. The one just returned
 * may be removed. */
struct segment_trouble *segment_table_next(struct segment_table *table, uint32_t *position);

size_t segment_table_count(const struct segment_table *table);

#endif
