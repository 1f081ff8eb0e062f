// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/retransmit_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cookie_table.h"
#include "track/owner.h"
#include "track/sample.h"

_Static_assert(offsetof(struct retransmit, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct retransmit, handle) == offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

struct ended {
	uint64_t cookie;       /* 0 = none */
	struct process *owner; /* NULL = unknown */
};

struct retransmit_table {
	struct socket_table *sockets;
	struct process_table *processes;
	struct cookie_table *cookies;
	struct cookie_order order;	      /* of last_ns */
	struct ended ended[RETRANSMIT_ENDED]; /* a ring */
	unsigned int ended_next;
};

struct retransmit_table *retransmit_table_new(struct socket_table *sockets,
					      struct process_table *processes)
{
	struct retransmit_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->cookies = cookie_table_new(sizeof(struct retransmit));
	if (!table->cookies) {
		free(table);
		return NULL;
	}
	table->sockets = sockets;
	table->processes = processes;
	table->order = (struct cookie_order){.table = table->cookies,
					     .links_at = offsetof(struct retransmit, order)};
	return table;
}

void retransmit_table_free(struct retransmit_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->cookies);
	free(table);
}

struct retransmit *retransmit_table_find(struct retransmit_table *table, uint64_t cookie)
{
	return cookie_table_find(table->cookies, cookie);
}

struct retransmit *retransmit_table_insert(struct retransmit_table *table, uint64_t cookie,
					   uint64_t time_ns)
{
	struct retransmit *retransmit = cookie_table_insert(table->cookies, cookie);

	if (!retransmit)
		return NULL;
	retransmit->first_ns = time_ns;
	retransmit->last_ns = time_ns;
	cookie_order_append(&table->order, retransmit);
	return retransmit;
}

void retransmit_table_remove(struct retransmit_table *table, struct retransmit *retransmit)
{
	cookie_order_remove(&table->order, retransmit);
	cookie_table_remove(table->cookies, retransmit);
}

void retransmit_table_touch(struct retransmit_table *table, struct retransmit *retransmit,
			    uint64_t time_ns)
{
	cookie_order_remove(&table->order, retransmit);
	if (time_ns > retransmit->last_ns) /* records of several CPUs are slightly out of order */
		retransmit->last_ns = time_ns;
	cookie_order_append(&table->order, retransmit);
}

bool retransmit_table_is_full(const struct retransmit_table *table)
{
	return retransmit_table_count(table) >= RETRANSMIT_TABLE_LIMIT;
}

struct retransmit *retransmit_table_oldest(struct retransmit_table *table)
{
	return cookie_order_first(&table->order);
}

struct retransmit *retransmit_table_next(struct retransmit_table *table, uint32_t *position)
{
	return cookie_table_next(table->cookies, position);
}

size_t retransmit_table_count(const struct retransmit_table *table)
{
	return cookie_table_count(table->cookies);
}

void retransmit_table_give(struct retransmit_table *table, struct retransmit *retransmit,
			   const struct tcp_socket *socket)
{
	if (!retransmit->waiting_ns)
		return;
	sample_segments(process_table_or_unknown(table->processes, socket->owner),
			socket->flow.netns, &retransmit->waiting);
	memset(&retransmit->waiting, 0, sizeof(retransmit->waiting));
	retransmit->waiting_ns = 0;
}

static void ended_add(struct retransmit_table *table, const struct tcp_socket *socket)
{
	struct ended *ended = &table->ended[table->ended_next++ % RETRANSMIT_ENDED];

	if (socket->owner) /* it must not be freed while the ring points to it */
		socket->owner->ended++;
	if (ended->owner)
		ended->owner->ended--;
	*ended = (struct ended){.cookie = socket->cookie, .owner = socket->owner};
}

void retransmit_table_end(struct retransmit_table *table, const struct tcp_socket *socket)
{
	struct retransmit *retransmit;

	ended_add(table, socket);
	if (!retransmit_table_count(table))
		return;
	retransmit = retransmit_table_find(table, socket->cookie);
	if (!retransmit)
		return;
	retransmit_table_give(table, retransmit, socket);
	retransmit_table_remove(table, retransmit);
}

struct process *retransmit_table_ended_owner(const struct retransmit_table *table, uint64_t cookie)
{
	for (unsigned int i = 1; i <= RETRANSMIT_ENDED; i++) {
		const struct ended *ended =
			&table->ended[(table->ended_next - i) % RETRANSMIT_ENDED];

		if (ended->cookie == cookie)
			return ended->owner;
	}
	return NULL;
}

static bool has_waited(const struct retransmit *retransmit, uint64_t now_ns)
{
	return now_ns > retransmit->waiting_ns &&
	       now_ns - retransmit->waiting_ns > RETRANSMIT_WAIT_NS;
}

void retransmit_table_settle(struct retransmit_table *table, uint64_t now_ns)
{
	struct retransmit *retransmit;
	uint32_t position = 0;

	while ((retransmit = retransmit_table_next(table, &position))) {
		const struct tcp_socket *socket;

		if (!retransmit->waiting_ns)
			continue;
		socket = socket_table_find(table->sockets, retransmit->cookie);
		if (socket && (owner_is_known(socket) || has_waited(retransmit, now_ns)))
			retransmit_table_give(table, retransmit, socket);
	}
}
