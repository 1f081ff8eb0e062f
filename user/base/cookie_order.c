// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/cookie_order.h"

static struct cookie_links *links_of(const struct cookie_order *order, void *entry)
{
	return (struct cookie_links *)((char *)entry + order->links_at);
}

static struct cookie_links *links_at(const struct cookie_order *order, uint32_t handle)
{
	return links_of(order, cookie_table_at(order->table, handle));
}

void cookie_order_append(struct cookie_order *order, void *entry)
{
	uint32_t handle = ((const struct cookie_entry *)entry)->handle;

	*links_of(order, entry) = (struct cookie_links){.prev = order->last};
	if (order->last)
		links_at(order, order->last)->next = handle;
	else
		order->first = handle;
	order->last = handle;
}

void cookie_order_remove(struct cookie_order *order, void *entry)
{
	const struct cookie_links *links = links_of(order, entry);

	if (links->prev)
		links_at(order, links->prev)->next = links->next;
	else
		order->first = links->next;
	if (links->next)
		links_at(order, links->next)->prev = links->prev;
	else
		order->last = links->prev;
}

void *cookie_order_first(const struct cookie_order *order)
{
	return order->first ? cookie_table_at(order->table, order->first) : NULL;
}
