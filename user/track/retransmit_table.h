/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RETRANSMIT_TABLE_H
#define TCPWATCH_RETRANSMIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cookie_table.h"
#include "model/segment_count.h"
#include "track/process_table.h"
#include "track/socket_table.h"

/*
 * What one socket retransmitted and how its peer answers. The entry is made by the socket's first
 * record of a retransmission or reset (bpf/segment.bpf.c), has the cookie of a struct tcp_socket,
 * and is removed with it. A socket without such a record has no entry.
 *
 * All values are as of the last record. No record says that a socket has recovered: then last_ns
 * is long ago compared with the retransmission timeout, which is 1 s at first and doubles `backoff`
 * times, up to TCP_RTO_MAX, 120 s (include/net/tcp.h).
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
struct retransmit {
	uint64_t cookie; /* with handle: a struct cookie_entry */
	uint32_t handle;
	struct cookie_links order; /* of last_ns */
	uint32_t unacknowledged;   /* bytes, sent or not; a SYN and a FIN count 1 */
	uint64_t first_ns;	   /* the first record */
	uint64_t last_ns;	   /* the last record */
	/* When an ACK was last received; 0 = not known, or none was received yet (SYN_SENT). */
	uint64_t last_received_ns;
	uint64_t unanswered_ns; /* when the first of `timeouts` was seen; 0 = none */
	uint64_t waiting_ns;	/* when the first count was added to `waiting`; 0 = it is empty */
	struct segment_count waiting; /* counts that wait until the socket's owner is known */
	uint32_t repeated;	      /* segments retransmitted, except SYN-ACKs; saturates */
	uint32_t synacks; /* of a listener: unanswered SYN-ACKs, retransmitted to all peers;
			     saturates */
	uint8_t state;	  /* as of the last record; of a listener SYN_RECV */
	uint8_t timeouts; /* in a row; 0: the peer answers, and a single segment was lost */
	uint8_t backoff;  /* how often the retransmission timeout was doubled */
	bool keepalive;	  /* SO_KEEPALIVE is on */
};

/* The entries of all sockets, and the owners of the sockets that ended last. */
struct retransmit_table;

/* The most entries that are kept. */
#define RETRANSMIT_TABLE_LIMIT 16384

/* How many of the sockets that ended last keep their owner known here. */
#define RETRANSMIT_ENDED 256

/* How long counts wait for the owner of a socket, in nanoseconds. */
#define RETRANSMIT_WAIT_NS 10000000000ULL

/* Both tables stay the caller's and must outlive this one. Returns NULL without memory. */
struct retransmit_table *retransmit_table_new(struct socket_table *sockets,
					      struct process_table *processes);
void retransmit_table_free(struct retransmit_table *table);

/* Returns NULL if the socket has no entry. The pointer is valid until the next record is handled.
 */
struct retransmit *retransmit_table_find(struct retransmit_table *table, uint64_t cookie);

/* Adds an entry that is zero except for first_ns and last_ns, which are time_ns. The cookie must be
 * new and the table not full. Returns NULL without memory. */
struct retransmit *retransmit_table_insert(struct retransmit_table *table, uint64_t cookie,
					   uint64_t time_ns);

/* Counts that still wait in the entry are lost: see retransmit_table_give(). */
void retransmit_table_remove(struct retransmit_table *table, struct retransmit *retransmit);

/* Records that another record of the socket came at time_ns. */
void retransmit_table_touch(struct retransmit_table *table, struct retransmit *retransmit,
			    uint64_t time_ns);

bool retransmit_table_is_full(const struct retransmit_table *table);

/* The entry whose last record is the oldest; NULL if there are none. */
struct retransmit *retransmit_table_oldest(struct retransmit_table *table);

/* Walks all entries like socket_table_next(): start with *position 0, ends with NULL. The entry
 * just returned may be removed. */
struct retransmit *retransmit_table_next(struct retransmit_table *table, uint32_t *position);

size_t retransmit_table_count(const struct retransmit_table *table);

/* Adds the counts that wait in the entry to the best known owner of its socket. */
void retransmit_table_give(struct retransmit_table *table, struct retransmit *retransmit,
			   const struct tcp_socket *socket);

/*
 * The socket is about to be removed: adds its waiting counts to the best known owner, and removes
 * its entry. The owner stays known for some time, because a close() that resets changes the state
 * first and sends the RST after that (tcp_disconnect() and __tcp_close() in net/ipv4/tcp.c).
 */
void retransmit_table_end(struct retransmit_table *table, const struct tcp_socket *socket);

/* The owner of a socket that ended recently; NULL if the socket or its owner is not known. */
struct process *retransmit_table_ended_owner(const struct retransmit_table *table, uint64_t cookie);

/* Adds waiting counts to their owners where these are known now, or where the counts have waited
 * for RETRANSMIT_WAIT_NS at now_ns; UINT64_MAX: all counts. */
void retransmit_table_settle(struct retransmit_table *table, uint64_t now_ns);

#endif
