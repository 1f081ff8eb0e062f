// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/retransmit_table.h"

#include <stdlib.h>

#include "base/cookie_order.h"

_Static_assert(offsetof(struct segment_trouble, cookie) == offsetof(struct cookie_entry, cookie) &&
		       offsetof(struct segment_trouble, handle) ==
			       offsetof(struct cookie_entry, handle),
	       "begins like every entry of a cookie table");

struct segment_table {
	struct cookie_table *cookies;
	struct cookie_order order; /* of when they were last seen */
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
	table->order = (struct cookie_order){.table = table->cookies,
					     .links_at = offsetof(struct segment_trouble, order)};
	return table;
}

void segment_table_free(struct segment_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->cookies);
	free(table);
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
	cookie_order_append(&table->order, trouble);
	return trouble;
}

void segment_table_remove(struct segment_table *table, struct segment_trouble *trouble)
{
	cookie_order_remove(&table->order, trouble);
	cookie_table_remove(table->cookies, trouble);
}

void segment_table_touch(struct segment_table *table, struct segment_trouble *trouble,
			 uint64_t time_ns)
{
	cookie_order_remove(&table->order, trouble);
	if (time_ns > trouble->last_ns) /* records of several CPUs come a little out of order */
		trouble->last_ns = time_ns;
	cookie_order_append(&table->order, trouble);
}

bool segment_table_is_full(const struct segment_table *table)
{
	return segment_table_count(table) >= SEGMENT_TABLE_LIMIT;
}

struct segment_trouble *segment_table_oldest(struct segment_table *table)
{
	return cookie_order_first(&table->order);
}

struct segment_trouble *segment_table_next(struct segment_table *table, uint32_t *position)
{
	return cookie_table_next(table->cookies, position);
}

size_t segment_table_count(const struct segment_table *table)
{
	return cookie_table_count(table->cookies);
}
