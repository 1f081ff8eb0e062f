// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/open_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The memory grows by chunks, so that a turn in which it grows takes no longer than others. */
#define CHUNK_BITS 10
#define CHUNK_SIZE (1u << CHUNK_BITS)

static struct leak_open *at(const struct leak_open_table *table, uint32_t handle)
{
	size_t chunk = handle >> CHUNK_BITS;

	if (chunk >= table->chunk_count || !table->chunks[chunk])
		return NULL;
	return &table->chunks[chunk][handle & (CHUNK_SIZE - 1)];
}

static int make_room(struct leak_open_table *table, uint32_t handle)
{
	size_t chunk = handle >> CHUNK_BITS;

	if (chunk >= table->chunk_count) {
		size_t count =
			chunk + 1 > table->chunk_count * 2 ? chunk + 1 : table->chunk_count * 2;
		struct leak_open **chunks = reallocarray(table->chunks, count, sizeof(*chunks));

		if (!chunks)
			return -ENOMEM;
		memset(chunks + table->chunk_count, 0,
		       (count - table->chunk_count) * sizeof(*chunks));
		table->chunks = chunks;
		table->chunk_count = count;
	}
	if (!table->chunks[chunk])
		table->chunks[chunk] = calloc(CHUNK_SIZE, sizeof(struct leak_open));
	return table->chunks[chunk] ? 0 : -ENOMEM;
}

int leak_open_add(struct leak_open_table *table, const struct tcp_socket *socket,
		  struct leak_group *group, enum socket_role role)
{
	int err = make_room(table, socket->handle);

	if (err)
		return err;
	*at(table, socket->handle) = (struct leak_open){
		.group = group,
		.since_ns = socket->since_ns & ((1ULL << 61) - 1),
		.role = (unsigned int)role & 3,
		.at_least = !socket->since_known,
	};
	return 0;
}

struct leak_open *leak_open_find(const struct leak_open_table *table,
				 const struct tcp_socket *socket)
{
	struct leak_open *leak = at(table, socket->handle);

	return leak && leak->group ? leak : NULL;
}

void leak_open_remove(struct leak_open *leak)
{
	leak->group = NULL;
}

const struct leak_open *leak_open_next(const struct leak_open_table *table, uint32_t *handle)
{
	while (++*handle >> CHUNK_BITS < table->chunk_count) {
		const struct leak_open *leak = at(table, *handle);

		if (!leak)
			*handle |= CHUNK_SIZE - 1;
		else if (leak->group)
			return leak;
	}
	return NULL;
}

void leak_open_clear(struct leak_open_table *table)
{
	for (size_t i = 0; i < table->chunk_count; i++)
		free(table->chunks[i]);
	free(table->chunks);
	*table = (struct leak_open_table){0};
}
