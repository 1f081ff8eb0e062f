/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COOKIE_TABLE_H
#define TCPWATCH_COOKIE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* What every entry begins with. Only the table writes these members. */
struct cookie_entry {
	uint64_t cookie; /* never 0 */
	uint32_t handle; /* never 0; for cookie_table_at() */
};

/* A table of entries of one size, by the kernel's socket cookies. Entries never move. */
struct cookie_table;

/* entry_size: in bytes, with the struct cookie_entry. Returns NULL without memory. */
struct cookie_table *cookie_table_new(size_t entry_size);
/* Frees the table and all entries. NULL is allowed. */
void cookie_table_free(struct cookie_table *table);

/* Returns the entry, NULL if there is none. It is valid until it is removed. */
void *cookie_table_find(struct cookie_table *table, uint64_t cookie);
/* Returns the entry with this handle, which must be that of an entry in the table. */
void *cookie_table_at(struct cookie_table *table, uint32_t handle);

/* Makes the processor fetch the cache line where a look-up of this cookie begins. It saves time
 * where the look-up comes a little later and the table is larger than the cache. */
void cookie_table_prefetch(const struct cookie_table *table, uint64_t cookie);

/* Adds a zeroed entry. The cookie is not 0 and not in the table. Returns NULL without memory. */
void *cookie_table_insert(struct cookie_table *table, uint64_t cookie);

/* Removes an entry, whose memory the table may use again. */
void cookie_table_remove(struct cookie_table *table, void *entry);

/* How many entries there are. */
size_t cookie_table_count(const struct cookie_table *table);

/*
 * Walks over all entries in no particular order. *position is 0 before the first call. Returns NULL
 * after the last entry. The entry just returned may be removed; nothing may be inserted during a
 * walk.
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

/* Returns the first entry, NULL if the order is empty. */
void *cookie_order_first(const struct cookie_order *order);

#endif
