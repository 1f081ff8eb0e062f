/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_CLOSED_TABLE_H
#define TCPWATCH_FINDING_CLOSED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Since when descriptors hold sockets in CLOSE that were connected before. No record says how long
 * a socket has been in CLOSE, so the time from scan to scan counts.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */

/* The most sockets, of 40 bytes each; further ones are left out until others are closed. */
#define CLOSED_TABLE_LIMIT 65536

struct closed_table;

/* Returns NULL without memory. */
struct closed_table *closed_table_new(void);
void closed_table_free(struct closed_table *table);

/*
 * A scan at now_ns has found the socket. Returns when a scan first found it, now_ns if this is the
 * first one, and if write_seq has changed since: then it has connected again in between. Returns 0
 * if it is left out.
 */
uint64_t closed_table_see(struct closed_table *table, uint64_t cookie, uint32_t write_seq,
			  uint64_t now_ns);

/* After the last socket of a scan: forgets those that it has not found. */
void closed_table_scanned(struct closed_table *table);

size_t closed_table_count(const struct closed_table *table);

#endif
