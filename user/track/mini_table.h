/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_MINI_TABLE_H
#define TCPWATCH_MINI_TABLE_H

#include <stdint.h>

#include "base/cookie_table.h"
#include "track/process_table.h"

/* PID_MAX_LIMIT is 4 million (include/linux/threads.h). */
#define MINI_PID_BITS	 22
#define MINI_CGROUP_BITS 25

/*
 * A mini-socket is what the kernel keeps of a connection in TIME_WAIT, in SYN_RECV, or in FIN_WAIT2
 * when no process holds it any more (struct inet_timewait_sock and request_sock). The entries are
 * smaller than those of sockets, because there may be many more. Times are nanoseconds of
 * CLOCK_MONOTONIC.
 */
struct mini_socket {
	uint64_t cookie; /* with handle: a struct cookie_entry */
	uint32_t handle; /* 0: it is in the log */
	uint32_t netns;
	uint64_t since_ns;	   /* when it entered `state`; meaningless if !since_known */
	uint64_t seen_ns;	   /* the last time at which it is known to have existed */
	struct process *owner;	   /* NULL = unknown */
	struct cookie_links order; /* of seen_ns; not in the log */
	unsigned int state : 4;
	unsigned int scan_state : 4; /* the state that the running scan saw, if it differs */
	unsigned int owner_source : 3;
	unsigned int role : 2;
	unsigned int since_known : 1;
	unsigned int hidden : 1;  /* as in struct tcp_socket */
	unsigned int scanned : 1; /* seen by the running scan */
	unsigned int bound : 1;	  /* as in struct tcp_socket */
	/* Of an owner that was folded (mini_table_fold()), else 0; the cgroup is held in
	 * owner->metrics. */
	uint64_t pid : MINI_PID_BITS;
	uint64_t cgroup : MINI_CGROUP_BITS;
};

struct mini_table;

/* The most that are kept; then the one that was not seen for longest is removed. It is more than
 * net.ipv4.tcp_max_tw_buckets usually allows. */
#define MINI_TABLE_LIMIT 262144

/* Returns NULL without memory. */
struct mini_table *mini_table_new(void);
void mini_table_free(struct mini_table *table);

/* NULL if there is none. The pointer is valid until that entry is removed or touched, or another
 * one is appended. Those that were appended must be indexed first, if that was not done since: to
 * find many of them takes little time, to find one now and then takes much. */
struct mini_socket *mini_table_find(struct mini_table *table, uint64_t cookie);

/* The same for those that were inserted, or touched. */
struct mini_socket *mini_table_find_indexed(struct mini_table *table, uint64_t cookie);

/* A mini-socket with this cookie will be inserted soon: prefetches the memory for that. */
void mini_table_expect(struct mini_table *table, uint64_t cookie);

/* Adds an entry that is zero except for seen_ns; the cookie must be new. Returns NULL without
 * memory.
 */
struct mini_socket *mini_table_insert(struct mini_table *table, uint64_t cookie, uint64_t seen_ns);

/*
 * The same where nothing but a scan will ask for the entry by its cookie, and many of them end only
 * by their age. It takes a fraction of the time. There may be others with the cookie: a socket can
 * connect again while its last connection is in TIME_WAIT. The last one is found.
 */
struct mini_socket *mini_table_append(struct mini_table *table, uint64_t cookie, uint64_t seen_ns);

/* Removes the entry and releases its owner. */
void mini_table_remove(struct mini_table *table, struct mini_socket *mini);

/* The mini-socket still existed at seen_ns. Returns the entry, which may have moved. */
struct mini_socket *mini_table_touch(struct mini_table *table, struct mini_socket *mini,
				     uint64_t seen_ns);

/* Sets or replaces the owner; NULL = unknown. The process is not freed while it owns a mini-socket.
 */
void mini_set_owner(struct mini_socket *mini, struct process *owner, unsigned int owner_source);

/* Gives those of folded processes to what these were folded into: process_table_fold(). */
void mini_table_fold(struct mini_table *table);

/* The one that was not seen for longest; NULL if there are none. */
struct mini_socket *mini_table_oldest(struct mini_table *table);

/* Walks all entries like socket_table_next(). */
struct mini_socket *mini_table_next(struct mini_table *table, uint32_t *position);

size_t mini_table_count(const struct mini_table *table);

#endif
