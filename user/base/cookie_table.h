/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COOKIE_TABLE_H
#define TCPWATCH_COOKIE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* What every entry begins with. Both belong to the table. */
struct cookie_entry {
	uint64_t cookie; /* never 0 */
	uint32_t handle; /* never 0; a shorter name for it */
};

/* Entries of one size by the kernel's socket cookies. They never move. */
struct cookie_table;

/* `entry_size` includes the struct cookie_entry at its beginning. NULL without memory. */
struct cookie_table *cookie_table_new(size_t entry_size);
void cookie_table_free(struct cookie_table *table);

/* NULL if there is none. The pointer is valid until that entry is removed. */
void *cookie_table_find(struct cookie_table *table, uint64_t cookie);
void *cookie_table_at(struct cookie_table *table, uint32_t handle);

/* Has the processor fetch what a look-up of this cookie begins with: worth it where that comes a
 * little later and the table is larger than the cache. */
void cookie_table_prefetch(const struct cookie_table *table, uint64_t cookie);

/* Adds a zeroed entry; the cookie must be new. NULL without memory. */
void *cookie_table_insert(struct cookie_table *table, uint64_t cookie);

void cookie_table_remove(struct cookie_table *table, void *entry);

size_t cookie_table_count(const struct cookie_table *table);

/*
 * Walks all entries in no order: start with *position 0, ends with NULL. The entry just returned
 * may be removed; nothing may be inserted during a walk.
 */
void *cookie_table_next(struct cookie_table *table, uint32_t *position);

#endif
