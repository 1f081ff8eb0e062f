// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/closed_table.h"

#include <stdlib.h>

#include "base/cookie_table.h"

struct entry {
	struct cookie_entry base;
	uint32_t write_seq;
	uint64_t first_ns;
	bool seen; /* by the running scan */
};

_Static_assert(sizeof(struct entry) == 40, "CLOSED_TABLE_LIMIT says so");

struct closed_table {
	struct cookie_table *entries;
};

struct closed_table *closed_table_new(void)
{
	struct closed_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->entries = cookie_table_new(sizeof(struct entry));
	if (table->entries)
		return table;
	free(table);
	return NULL;
}

void closed_table_free(struct closed_table *table)
{
	if (!table)
		return;
	cookie_table_free(table->entries);
	free(table);
}

uint64_t closed_table_see(struct closed_table *table, uint64_t cookie, uint32_t write_seq,
			  uint64_t now_ns)
{
	struct entry *entry = cookie_table_find(table->entries, cookie);

	if (!entry) {
		if (cookie_table_count(table->entries) >= CLOSED_TABLE_LIMIT)
			return 0;
		entry = cookie_table_insert(table->entries, cookie);
		if (!entry)
			return 0;
		entry->first_ns = now_ns;
	} else if (entry->write_seq != write_seq) {
		entry->first_ns = now_ns;
	}
	entry->write_seq = write_seq;
	entry->seen = true;
	return entry->first_ns;
}

void closed_table_scanned(struct closed_table *table)
{
	struct entry *entry;
	uint32_t position = 0;

	while ((entry = cookie_table_next(table->entries, &position))) {
		if (!entry->seen)
			cookie_table_remove(table->entries, entry);
		else
			entry->seen = false;
	}
}

size_t closed_table_count(const struct closed_table *table)
{
	return cookie_table_count(table->entries);
}
