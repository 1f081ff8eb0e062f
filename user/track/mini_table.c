// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/mini_table.h"

#include <stdlib.h>

#include "base/cookie_log.h"
#include "base/cookie_table.h"
#include "metric/group.h"

_Static_assert(offsetof(struct mini_socket, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct mini_socket, handle) ==
			       offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

/* In *position of mini_table_next(): the walk has come to the log. */
#define IN_LOG (1u << 31)

struct mini_table {
	struct cookie_table *cookies;
	struct cookie_order order; /* of seen_ns */
	struct cookie_log *log;	   /* in the order of seen_ns; of mini_table_append() */
};

struct mini_table *mini_table_new(void)
{
	struct mini_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->cookies = cookie_table_new(sizeof(struct mini_socket));
	table->log = cookie_log_new(sizeof(struct mini_socket), MINI_TABLE_LIMIT);
	if (!table->cookies || !table->log) {
		mini_table_free(table);
		return NULL;
	}
	table->order = (struct cookie_order){.table = table->cookies,
					     .links_at = offsetof(struct mini_socket, order)};
	return table;
}

void mini_table_free(struct mini_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->cookies);
	cookie_log_free(table->log);
	free(table);
}

struct mini_socket *mini_table_find(struct mini_table *table, uint64_t cookie)
{
	struct mini_socket *mini = mini_table_find_indexed(table, cookie);

	return mini ? mini : cookie_log_find(table->log, cookie);
}

struct mini_socket *mini_table_find_indexed(struct mini_table *table, uint64_t cookie)
{
	return cookie_table_count(table->cookies) ? cookie_table_find(table->cookies, cookie)
						  : NULL;
}

static struct mini_socket *oldest_indexed(const struct mini_table *table)
{
	return cookie_order_first(&table->order);
}

void mini_table_expect(struct mini_table *table, uint64_t cookie)
{
	const struct mini_socket *oldest;

	cookie_table_prefetch(table->cookies, cookie);
	if (cookie_table_count(table->cookies) < MINI_TABLE_LIMIT)
		return;
	oldest = oldest_indexed(table); /* it will be removed */
	cookie_table_prefetch(table->cookies, oldest->cookie);
	__builtin_prefetch(cookie_table_at(table->cookies, oldest->order.next));
}

static void make_room(struct mini_table *table)
{
	if (mini_table_count(table) >= MINI_TABLE_LIMIT)
		mini_table_remove(table, mini_table_oldest(table));
}

struct mini_socket *mini_table_insert(struct mini_table *table, uint64_t cookie, uint64_t seen_ns)
{
	struct mini_socket *mini;

	make_room(table);
	mini = cookie_table_insert(table->cookies, cookie);
	if (!mini)
		return NULL;
	mini->seen_ns = seen_ns;
	cookie_order_append(&table->order, mini);
	return mini;
}

struct mini_socket *mini_table_append(struct mini_table *table, uint64_t cookie, uint64_t seen_ns)
{
	struct mini_socket *mini;

	make_room(table);
	mini = cookie_log_append(table->log, cookie);
	if (mini)
		mini->seen_ns = seen_ns;
	return mini;
}

static bool is_in_log(const struct mini_socket *mini)
{
	return !mini->handle;
}

void mini_table_remove(struct mini_table *table, struct mini_socket *mini)
{
	mini_set_owner(mini, NULL, 0);
	if (is_in_log(mini)) {
		cookie_log_remove(table->log, mini);
		return;
	}
	cookie_order_remove(&table->order, mini);
	cookie_table_remove(table->cookies, mini);
}

/* It leaves the log, whose order it is not in any more. */
static struct mini_socket *index_one(struct mini_table *table, struct mini_socket *mini)
{
	struct mini_socket *indexed = cookie_table_insert(table->cookies, mini->cookie);
	uint32_t handle;

	if (!indexed)
		return mini;
	handle = indexed->handle;
	*indexed = *mini;
	indexed->handle = handle;
	cookie_log_remove(table->log, mini);
	cookie_order_append(&table->order, indexed);
	return indexed;
}

struct mini_socket *mini_table_touch(struct mini_table *table, struct mini_socket *mini,
				     uint64_t seen_ns)
{
	if (is_in_log(mini)) {
		mini = index_one(table, mini);
	} else {
		cookie_order_remove(&table->order, mini);
		cookie_order_append(&table->order, mini);
	}
	mini->seen_ns = seen_ns;
	return mini;
}

void mini_set_owner(struct mini_socket *mini, struct process *owner, unsigned int owner_source)
{
	if (owner) {
		owner->sockets++;
		owner->minis++;
	}
	if (mini->owner) {
		mini->owner->sockets--;
		mini->owner->minis--;
		if (mini->cgroup)
			metric_groups_release(mini->owner->metrics, (uint32_t)mini->cgroup);
	}
	mini->owner = owner;
	mini->owner_source = owner_source & 7;
	mini->pid = 0;
	mini->cgroup = 0;
}

void mini_table_fold(struct mini_table *table)
{
	struct mini_socket *mini;
	uint32_t position = 0;

	while ((mini = mini_table_next(table, &position))) {
		const struct process *owner = mini->owner;

		if (!owner || !owner->folded)
			continue;
		mini_set_owner(mini, owner->folded, mini->owner_source);
		/* The owner, and its cgroup, are there until process_table_drop(). */
		if (owner->tgid < 1U << MINI_PID_BITS)
			mini->pid = owner->tgid;
		if (owner->cgroup && owner->cgroup < 1U << MINI_CGROUP_BITS) {
			mini->cgroup = owner->cgroup;
			metric_groups_hold_number(owner->metrics, owner->cgroup);
		}
	}
}

struct mini_socket *mini_table_oldest(struct mini_table *table)
{
	struct mini_socket *indexed = oldest_indexed(table);
	struct mini_socket *logged = cookie_log_first(table->log);

	if (!indexed || !logged)
		return indexed ? indexed : logged;
	return indexed->seen_ns <= logged->seen_ns ? indexed : logged;
}

struct mini_socket *mini_table_next(struct mini_table *table, uint32_t *position)
{
	struct mini_socket *mini = NULL;
	uint32_t in_log;

	if (!(*position & IN_LOG)) {
		mini = cookie_table_next(table->cookies, position);
		if (mini)
			return mini;
		*position = IN_LOG;
	}
	in_log = *position & ~IN_LOG;
	mini = cookie_log_next(table->log, &in_log);
	*position = in_log | IN_LOG;
	return mini;
}

size_t mini_table_count(const struct mini_table *table)
{
	return cookie_table_count(table->cookies) + cookie_log_count(table->log);
}
