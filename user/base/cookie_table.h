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

/*
 * The entries of a cookie table in an order that its user keeps, for example of when each was last
 * seen.
 */

/* A member of each entry. */
struct cookie_links {
	uint32_t prev; /* handles; 0 = none */
	uint32_t next;
};

struct cookie_order {
	struct cookie_table *table; /* the user's */
	size_t links_at;	    /* offset of the struct cookie_links in an entry */
	uint32_t first;		    /* handles; start as 0 */
	uint32_t last;
};

/* Puts an entry that is not in the order at its end. */
void cookie_order_append(struct cookie_order *order, void *entry);

/* Takes an entry out of the order; must be called before the entry is removed from the table. */
void cookie_order_remove(struct cookie_order *order, void *entry);

/* NULL if the order is empty. */
void *cookie_order_first(const struct cookie_order *order);

#endif
