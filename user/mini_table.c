// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "mini_table.h"

#include <stdlib.h>

#include "cookie_table.h"

_Static_assert(offsetof(struct mini_socket, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct mini_socket, handle) ==
			       offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

struct mini_table {
	struct cookie_table *cookies;
	uint32_t oldest; /* handles, 0 = none */
	uint32_t newest;
};

struct mini_table *mini_table_new(void)
{
	struct mini_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->cookies = cookie_table_new(sizeof(struct mini_socket));
	if (!table->cookies) {
		free(table);
		return NULL;
	}
	return table;
}

void mini_table_free(struct mini_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->cookies);
	free(table);
}

static struct mini_socket *mini_at(struct mini_table *table, uint32_t handle)
{
	return cookie_table_at(table->cookies, handle);
}

static void order_append(struct mini_table *table, struct mini_socket *mini)
{
	mini->order_prev = table->newest;
	mini->order_next = 0;
	if (table->newest)
		mini_at(table, table->newest)->order_next = mini->handle;
	else
		table->oldest = mini->handle;
	table->newest = mini->handle;
}

static void order_remove(struct mini_table *table, struct mini_socket *mini)
{
	if (mini->order_prev)
		mini_at(table, mini->order_prev)->order_next = mini->order_next;
	else
		table->oldest = mini->order_next;
	if (mini->order_next)
		mini_at(table, mini->order_next)->order_prev = mini->order_prev;
	else
		table->newest = mini->order_prev;
}

struct mini_socket *mini_table_find(struct mini_table *table, uint64_t cookie)
{
	return cookie_table_find(table->cookies, cookie);
}

struct mini_socket *mini_table_insert(struct mini_table *table, uint64_t cookie, uint64_t seen_ns)
{
	struct mini_socket *mini;

	if (cookie_table_count(table->cookies) >= MINI_TABLE_LIMIT)
		mini_table_remove(table, mini_table_oldest(table));
	mini = cookie_table_insert(table->cookies, cookie);
	if (!mini)
		return NULL;
	mini->seen_ns = seen_ns;
	order_append(table, mini);
	return mini;
}

void mini_table_remove(struct mini_table *table, struct mini_socket *mini)
{
	mini_set_owner(mini, NULL, 0);
	order_remove(table, mini);
	cookie_table_remove(table->cookies, mini);
}

void mini_table_touch(struct mini_table *table, struct mini_socket *mini, uint64_t seen_ns)
{
	order_remove(table, mini);
	mini->seen_ns = seen_ns;
	order_append(table, mini);
}

void mini_set_owner(struct mini_socket *mini, struct process *owner, unsigned int owner_source)
{
	if (owner)
		owner->sockets++;
	if (mini->owner)
		mini->owner->sockets--;
	mini->owner = owner;
	mini->owner_source = owner_source & 7;
}

struct mini_socket *mini_table_oldest(struct mini_table *table)
{
	return table->oldest ? mini_at(table, table->oldest) : NULL;
}

struct mini_socket *mini_table_next(struct mini_table *table, uint32_t *position)
{
	return cookie_table_next(table->cookies, position);
}

size_t mini_table_count(const struct mini_table *table)
{
	return cookie_table_count(table->cookies);
}
