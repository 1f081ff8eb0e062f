// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/cookie_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cookie_hash.h"

/*
 * Entries live in fixed chunks, so that they never move and growth never doubles the memory; an
 * open-addressing index of (tag, handle) leads from cookie to chunk with one cache line for most
 * look-ups. docs/libraries.md has the measurement against uthash.
 */
#define CHUNK_BITS 9
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define INDEX_MIN  1024u

struct slot {
	uint32_t tag;	 /* the hash of the cookie; its low bits are the place where it belongs */
	uint32_t handle; /* 0 = empty */
};

struct cookie_table {
	size_t entry_size;
	char **chunks;
	size_t chunk_count;
	uint32_t next_handle; /* first one never used */
	uint32_t free_handle; /* a list through the handles of free entries; 0: empty */
	uint32_t count;
	struct slot *index;
	uint32_t index_mask;
};

struct cookie_table *cookie_table_new(size_t entry_size)
{
	struct cookie_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->entry_size = entry_size;
	table->next_handle = 1;
	table->index = calloc(INDEX_MIN, sizeof(*table->index));
	if (!table->index) {
		free(table);
		return NULL;
	}
	table->index_mask = INDEX_MIN - 1;
	return table;
}

void cookie_table_free(struct cookie_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->chunk_count; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->index);
	free(table);
}

static struct cookie_entry *entry_at(struct cookie_table *table, uint32_t handle)
{
	return (void *)(table->chunks[handle >> CHUNK_BITS] +
			(handle & (CHUNK_SIZE - 1)) * table->entry_size);
}

void *cookie_table_at(struct cookie_table *table, uint32_t handle)
{
	return entry_at(table, handle);
}

void *cookie_table_find(struct cookie_table *table, uint64_t cookie)
{
	uint32_t tag = cookie_hash(cookie);

	for (uint32_t i = tag & table->index_mask;; i = (i + 1) & table->index_mask) {
		const struct slot *slot = &table->index[i];
		struct cookie_entry *entry;

		if (!slot->handle)
			return NULL;
		if (slot->tag != tag)
			continue;
		entry = entry_at(table, slot->handle);
		if (entry->cookie == cookie)
			return entry;
	}
}

void cookie_table_prefetch(const struct cookie_table *table, uint64_t cookie)
{
	__builtin_prefetch(&table->index[cookie_hash(cookie) & table->index_mask]);
}

static void index_put(struct cookie_table *table, struct slot slot)
{
	uint32_t i = slot.tag & table->index_mask;

	while (table->index[i].handle)
		i = (i + 1) & table->index_mask;
	table->index[i] = slot;
}

static int index_grow(struct cookie_table *table)
{
	struct slot *old = table->index;
	uint32_t old_size = table->index_mask + 1;
	struct slot *index = calloc((size_t)old_size * 2, sizeof(*index));

	if (!index)
		return -1;
	table->index = index;
	table->index_mask = old_size * 2 - 1;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].handle)
			index_put(table, old[i]);
	free(old);
	return 0;
}

static uint32_t handle_take(struct cookie_table *table)
{
	uint32_t handle = table->free_handle;

	if (handle) {
		table->free_handle = entry_at(table, handle)->handle;
		return handle;
	}
	if (table->next_handle >> CHUNK_BITS >= table->chunk_count) {
		char **chunks = realloc(table->chunks, (table->chunk_count + 1) * sizeof(*chunks));

		if (!chunks)
			return 0;
		table->chunks = chunks;
		chunks[table->chunk_count] = calloc(CHUNK_SIZE, table->entry_size);
		if (!chunks[table->chunk_count])
			return 0;
		table->chunk_count++;
	}
	return table->next_handle++;
}

void *cookie_table_insert(struct cookie_table *table, uint64_t cookie)
{
	struct cookie_entry *entry;
	uint32_t handle;

	if (table->count + 1 > (table->index_mask + 1) / 4 * 3 && index_grow(table))
		return NULL;
	handle = handle_take(table);
	if (!handle)
		return NULL;
	entry = entry_at(table, handle);
	memset(entry, 0, table->entry_size);
	entry->cookie = cookie;
	entry->handle = handle;
	index_put(table, (struct slot){.tag = cookie_hash(cookie), .handle = handle});
	table->count++;
	return entry;
}

/* Empties slot i and moves what had been displaced over it back, so that no tombstones are needed.
 */
static void index_erase(struct cookie_table *table, uint32_t i)
{
	uint32_t mask = table->index_mask;

	for (uint32_t next = (i + 1) & mask; table->index[next].handle; next = (next + 1) & mask) {
		if (((next - table->index[next].tag) & mask) < ((next - i) & mask))
			continue;
		table->index[i] = table->index[next];
		i = next;
	}
	table->index[i].handle = 0;
}

void cookie_table_remove(struct cookie_table *table, void *removed)
{
	struct cookie_entry *entry = removed;
	uint32_t handle = entry->handle;
	uint32_t i = cookie_hash(entry->cookie) & table->index_mask;

	while (table->index[i].handle != handle)
		i = (i + 1) & table->index_mask;
	index_erase(table, i);
	entry->cookie = 0;
	entry->handle = table->free_handle;
	table->free_handle = handle;
	table->count--;
}

size_t cookie_table_count(const struct cookie_table *table)
{
	return table->count;
}

void *cookie_table_next(struct cookie_table *table, uint32_t *position)
{
	while (++*position < table->next_handle) {
		struct cookie_entry *entry = entry_at(table, *position);

		if (entry->cookie)
			return entry;
	}
	return NULL;
}

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
