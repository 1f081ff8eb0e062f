/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COOKIE_ORDER_H
#define TCPWATCH_COOKIE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/cookie_table.h"

/* The entries of a cookie table in an order of their user's, say of when each was last seen. */

/* In each entry. */
struct cookie_links {
	uint32_t prev; /* handles, 0 = none */
	uint32_t next;
};

struct cookie_order {
	struct cookie_table *table; /* the user's */
	size_t links_at;	    /* offset of the struct cookie_links in an entry */
	uint32_t first;		    /* handles; 0 at the beginning */
	uint32_t last;
};

/* An entry that is not in the order becomes the last one. */
void cookie_order_append(struct cookie_order *order, void *entry);

/* Takes out one that is in it; before it is removed from the table. */
void cookie_order_remove(struct cookie_order *order, void *entry);

/* NULL if there are none. */
void *cookie_order_first(const struct cookie_order *order);

#endif
