// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "segment_table.h"

#include <stdlib.h>

#include "cookie_table.h"

_Static_assert(offsetof(struct segment_trouble, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct segment_trouble, handle) ==
			       offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

struct segment_table {
	struct cookie_table *cookies;
	uint32_t oldest; /* handles, 0 = none */
	uint32_t newest;
};

struct segment_table *segment_table_new(void)
{
	struct segment_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->cookies = cookie_table_new(sizeof(struct segment_trouble));
	if (!table->cookies) {
		free(table);
		return NULL;
	}
	return table;
}

void segment_table_free(struct segment_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->cookies);
	free(table);
}

static struct segment_trouble *trouble_at(struct segment_table *table, uint32_t handle)
{
	return cookie_table_at(table->cookies, handle);
}

static void order_append(struct segment_table *table, struct segment_trouble *trouble)
{
	trouble->order_prev = table->newest;
	trouble->order_next = 0;
	if (table->newest)
		trouble_at(table, table->newest)->order_next = trouble->handle;
	else
		table->oldest = trouble->handle;
	table->newest = trouble->handle;
}

static void order_remove(struct segment_table *table, struct segment_trouble *trouble)
{
	if (trouble->order_prev)
		trouble_at(table, trouble->order_prev)->order_next = trouble->order_next;
	else
		table->oldest = trouble->order_next;
	if (trouble->order_next)
		trouble_at(table, trouble->order_next)->order_prev = trouble->order_prev;
	else
		table->newest = trouble->order_prev;
}

struct segment_trouble *segment_table_find(struct segment_table *table, uint64_t cookie)
{
	return cookie_table_find(table->cookies, cookie);
}

struct segment_trouble *segment_table_insert(struct segment_table *table, uint64_t cookie,
					     uint64_t time_ns)
{
	struct segment_trouble *trouble = cookie_table_insert(table->cookies, cookie);

	if (!trouble)
		return NULL;
	trouble->first_ns = time_ns;
	trouble->last_ns = time_ns;
	order_append(table, trouble);
	return trouble;
}

void segment_table_remove(struct segment_table *table, struct segment_trouble *trouble)
{
	order_remove(table, trouble);
	cookie_table_remove(table->cookies, trouble);
}

void segment_table_touch(struct segment_table *table, struct segment_trouble *trouble,
			 uint64_t time_ns)
{
	order_remove(table, trouble);
	if (time_ns > trouble->last_ns) /* records of several CPUs come a little out of order */
		trouble->last_ns = time_ns;
	order_append(table, trouble);
}

bool segment_table_is_full(const struct segment_table *table)
{
	return segment_table_count(table) >= SEGMENT_TABLE_LIMIT;
}

struct segment_trouble *segment_table_oldest(struct segment_table *table)
{
	return table->oldest ? trouble_at(table, table->oldest) : NULL;
}

struct segment_trouble *segment_table_next(struct segment_table *table, uint32_t *position)
{
	return cookie_table_next(table->cookies, position);
}

size_t segment_table_count(const struct segment_table *table)
{
	return cookie_table_count(table->cookies);
}
