/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_MINI_TABLE_H
#define TCPWATCH_MINI_TABLE_H

#include <stdint.h>

#include "base/cookie_table.h"
#include "track/process_table.h"

/*
 * Mini-sockets: what the kernel keeps of a connection in TIME_WAIT, of one in FIN_WAIT2 that nobody
 * holds any more, and of one in SYN_RECV. Kept smaller than sockets: there may be many more.
 */
struct mini_socket {
	uint64_t cookie; /* with handle: a struct cookie_entry */
	uint32_t handle;
	uint32_t netns;
	uint64_t since_ns;	   /* when it entered `state`; meaningless if !since_known */
	uint64_t seen_ns;	   /* when it was last known to be there */
	struct process *owner;	   /* NULL = unknown */
	struct cookie_links order; /* of seen_ns */
	unsigned int state : 4;
	unsigned int scan_state : 4; /* what a running scan saw, if it differs */
	unsigned int owner_source : 3;
	unsigned int role : 2;
	unsigned int since_known : 1;
	unsigned int hidden : 1;
	unsigned int scanned : 1; /* seen by the running scan */
	unsigned int bound : 1;	  /* as of struct tcp_socket */
};

struct mini_table;

/* The most that are kept; the oldest go first. More than tcp_max_tw_buckets usually allows. */
#define MINI_TABLE_LIMIT 262144

struct mini_table *mini_table_new(void);
void mini_table_free(struct mini_table *table);

struct mini_socket *mini_table_find(struct mini_table *table, uint64_t cookie);

/* One of this cookie will be inserted soon. */
void mini_table_expect(struct mini_table *table, uint64_t cookie);

/* Adds a zeroed one, last seen at seen_ns; the cookie must be new. NULL without memory. */
struct mini_socket *mini_table_insert(struct mini_table *table, uint64_t cookie, uint64_t seen_ns);

/* Takes it out; its owner is released. */
void mini_table_remove(struct mini_table *table, struct mini_socket *mini);

/* Is there still, at seen_ns. */
void mini_table_touch(struct mini_table *table, struct mini_socket *mini, uint64_t seen_ns);

/* Gives it an owner, or another one; NULL = unknown. */
void mini_set_owner(struct mini_socket *mini, struct process *owner, unsigned int owner_source);

/* The one that was not seen for longest; NULL if there are none. */
struct mini_socket *mini_table_oldest(struct mini_table *table);

/* As socket_table_next(). */
struct mini_socket *mini_table_next(struct mini_table *table, uint32_t *position);

size_t mini_table_count(const struct mini_table *table);

#endif
