// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/cookie_log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cookie_hash.h"
#include "base/cookie_table.h"

/*
 * A ring of chunks, so that memory is taken and given back as the log grows and shrinks. Positions
 * count all entries that were ever added. A removed entry has no cookie, and keeps its place until
 * it is the first one.
 */
#define CHUNK_BITS 11
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define INDEX_MIN  1024u

struct cookie_log {
	size_t entry_size;
	char **chunks; /* a ring; NULL = not allocated */
	uint32_t chunk_mask;
	char *spare; /* a chunk that was given up last */
	uint32_t limit;
	uint32_t count;	      /* of entries that were not removed */
	uint64_t first, next; /* positions: of the first place in use, and of the next entry */
	/* Places of an open-addressing hash table: 0 = empty, else 1 + position - index_first. */
	uint32_t *index;
	uint32_t index_mask;
	uint64_t index_first, index_next; /* the positions that are indexed */
};

/* A fifth of the places is free in a log at its limit: giving up those of removed entries pays. */
static uint32_t places_of(uint32_t limit)
{
	return limit + limit / 4;
}

/* One more, since the first and the last one may be in use in part. */
static uint32_t ring_chunks(uint32_t limit)
{
	uint32_t chunks = 2;

	while ((chunks - 1) * CHUNK_SIZE < places_of(limit))
		chunks *= 2;
	return chunks;
}

struct cookie_log *cookie_log_new(size_t entry_size, uint32_t limit)
{
	struct cookie_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->entry_size = entry_size;
	log->limit = limit;
	log->chunk_mask = ring_chunks(limit) - 1;
	log->chunks = calloc((size_t)log->chunk_mask + 1, sizeof(*log->chunks));
	if (!log->chunks) {
		free(log);
		return NULL;
	}
	return log;
}

void cookie_log_free(struct cookie_log *log)
{
	if (!log)
		return;
	for (uint32_t i = 0; i <= log->chunk_mask; i++)
		free(log->chunks[i]);
	free(log->chunks);
	free(log->spare);
	free(log->index);
	free(log);
}

static char **chunk_of(const struct cookie_log *log, uint64_t position)
{
	return &log->chunks[position >> CHUNK_BITS & log->chunk_mask];
}

static struct cookie_entry *entry_at(const struct cookie_log *log, uint64_t position)
{
	return (void *)(*chunk_of(log, position) + (position & (CHUNK_SIZE - 1)) * log->entry_size);
}

static void chunk_drop(struct cookie_log *log, char **chunk)
{
	free(log->spare);
	log->spare = *chunk;
	*chunk = NULL;
}

/* Gives up the places of removed entries before the first other one. */
static void trim(struct cookie_log *log)
{
	while (log->first != log->next && !entry_at(log, log->first)->cookie) {
		char **chunk = chunk_of(log, log->first++);

		if (!(log->first & (CHUNK_SIZE - 1)))
			chunk_drop(log, chunk);
	}
}

static uint64_t round_up(uint64_t position)
{
	return (position + CHUNK_SIZE - 1) & ~(uint64_t)(CHUNK_SIZE - 1);
}

/* Gives up the places of all removed entries. */
static void compact(struct cookie_log *log)
{
	uint64_t to = log->first;

	for (uint64_t from = log->first; from != log->next; from++) {
		const struct cookie_entry *entry = entry_at(log, from);

		if (!entry->cookie)
			continue;
		if (from != to)
			memcpy(entry_at(log, to), entry, log->entry_size);
		to++;
	}
	for (uint64_t at = round_up(to); at != round_up(log->next); at += CHUNK_SIZE)
		chunk_drop(log, chunk_of(log, at));
	log->next = to;
	free(log->index);
	log->index = NULL;
}

static bool chunk_make(struct cookie_log *log)
{
	char **chunk = chunk_of(log, log->next);

	if (*chunk)
		return true;
	*chunk = log->spare ? log->spare : malloc(CHUNK_SIZE * log->entry_size);
	log->spare = NULL;
	return *chunk;
}

void *cookie_log_append(struct cookie_log *log, uint64_t cookie)
{
	struct cookie_entry *entry;

	if (log->count >= log->limit)
		return NULL;
	trim(log);
	if (log->next - log->first >= places_of(log->limit))
		compact(log);
	if (!chunk_make(log))
		return NULL;
	entry = entry_at(log, log->next++);
	memset(entry, 0, log->entry_size);
	entry->cookie = cookie;
	log->count++;
	return entry;
}

void cookie_log_remove(struct cookie_log *log, void *entry)
{
	((struct cookie_entry *)entry)->cookie = 0;
	log->count--;
}

/* Cookies are nearly consecutive, and are looked for in their order: sixteen share a cache line. */
static uint32_t index_place(const struct cookie_log *log, uint64_t cookie)
{
	return (cookie_hash(cookie >> 4) << 4 | (cookie & 15)) & log->index_mask;
}

static void index_add(struct cookie_log *log, uint64_t position)
{
	uint64_t cookie = entry_at(log, position)->cookie;
	uint32_t i = index_place(log, cookie);

	if (!cookie)
		return;
	while (log->index[i])
		i = (i + 1) & log->index_mask;
	log->index[i] = (uint32_t)(1 + position - log->index_first);
}

static bool index_make(struct cookie_log *log)
{
	uint32_t size = INDEX_MIN;

	while (size / 2 < log->next - log->first)
		size *= 2;
	free(log->index);
	log->index = calloc(size, sizeof(*log->index));
	log->index_mask = size - 1;
	log->index_first = log->first;
	log->index_next = log->first;
	return log->index;
}

static bool index_update(struct cookie_log *log)
{
	if ((!log->index || log->next - log->index_first > log->index_mask / 4 * 3) &&
	    !index_make(log))
		return false;
	if (log->index_next < log->first)
		log->index_next = log->first;
	while (log->index_next != log->next)
		index_add(log, log->index_next++);
	return true;
}

void *cookie_log_find(struct cookie_log *log, uint64_t cookie)
{
	uint32_t newest = 0;
	uint64_t before;

	if (!log->count || !index_update(log))
		return NULL;
	/* What was added before this is not there any more. */
	before = log->first - log->index_first;
	for (uint32_t i = index_place(log, cookie); log->index[i]; i = (i + 1) & log->index_mask) {
		uint32_t at = log->index[i];

		if (at > before && at > newest &&
		    entry_at(log, log->index_first + at - 1)->cookie == cookie)
			newest = at;
	}
	return newest ? entry_at(log, log->index_first + newest - 1) : NULL;
}

void *cookie_log_first(struct cookie_log *log)
{
	trim(log);
	return log->first != log->next ? entry_at(log, log->first) : NULL;
}

void *cookie_log_next(struct cookie_log *log, uint32_t *position)
{
	while (*position < log->next - log->first) {
		struct cookie_entry *entry = entry_at(log, log->first + (*position)++);

		if (entry->cookie)
			return entry;
	}
	return NULL;
}

size_t cookie_log_count(const struct cookie_log *log)
{
	return log->count;
}
