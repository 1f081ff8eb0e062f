// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/shared_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/siphash.h"

struct digest {
	uint64_t words[2];
};

struct shared_names_entry {
	struct shared_names names; /* the first member, see entry_of() */
	struct digest digest;
	uint32_t uses;
	UT_hash_handle hh;
	uint8_t places[];
};

/* Of a file, without padding. */
struct version {
	uint64_t device, inode, size;
	int64_t changed_s, changed_ns, written_s, written_ns;
};

struct place {
	uint64_t offset;
	uint64_t file;
};

struct call_frame *call_frames_new(size_t count, struct string_pool *pool)
{
	size_t bytes = count * sizeof(struct call_frame);
	struct call_frame *frames;

	if (!count || bytes > STRING_POOL_FRAMES_MAX - pool->frame_bytes)
		return NULL;
	frames = calloc(count, sizeof(*frames));
	if (frames)
		pool->frame_bytes += bytes;
	return frames;
}

void call_frames_free(struct call_frame *frames, size_t count, struct string_pool *pool)
{
	if (!frames)
		return;
	for (size_t i = 0; i < count; i++) {
		string_pool_drop(pool, frames[i].function);
		string_pool_drop(pool, frames[i].file);
		string_pool_drop(pool, frames[i].build_id);
		string_pool_drop(pool, frames[i].module);
	}
	pool->frame_bytes -= count * sizeof(*frames);
	free(frames);
}

static bool add(struct symbol_key *key, const void *bytes, size_t size)
{
	if (size > sizeof(key->bytes) - key->len)
		return false;
	memcpy(key->bytes + key->len, bytes, size);
	key->len += size;
	return true;
}

static bool add_file(struct symbol_key *key, const struct stat *what, const char *path)
{
	const struct version version = {
		.device = what->st_dev,
		.inode = what->st_ino,
		.size = (uint64_t)what->st_size,
		.changed_s = what->st_ctim.tv_sec,
		.changed_ns = what->st_ctim.tv_nsec,
		.written_s = what->st_mtim.tv_sec,
		.written_ns = what->st_mtim.tv_nsec,
	};

	return add(key, &version, sizeof(version)) && add(key, path, strlen(path) + 1);
}

static bool add_place(struct symbol_key *key, const struct symbol_request *request, uint64_t ip)
{
	for (size_t i = 0; i < request->map_count; i++) {
		const struct symbol_request_map *map = &request->maps[i];
		struct place place = {.offset = ip - map->start + map->offset, .file = map->file};

		if (!ip || ip - 1 < map->start || ip - 1 >= map->end)
			continue;
		return map->file != SYMBOL_NO_FILE && add(key, &place, sizeof(place));
	}
	return false;
}

void symbol_key_make(struct symbol_key *key, const struct symbol_request *request, uint16_t how,
		     const struct stat whats[SYMBOL_REQUEST_FILES])
{
	const uint16_t head[] = {how, request->frame_count, request->file_count};
	const char *path = NULL;
	bool made = request->frame_count && !request->has_perf;

	key->len = 0;
	made = made && add(key, head, sizeof(head));
	for (size_t i = 0; made && i < request->file_count; i++) {
		path = symbol_request_path(request, path);
		made = request->has_fd[i] && add_file(key, &whats[i], path);
	}
	for (size_t i = 0; made && i < request->frame_count; i++)
		made = add_place(key, request, request->frames[i]);
	if (!made)
		key->len = 0;
}

static struct shared_names_entry *entry_of(const struct shared_names *names)
{
	return (struct shared_names_entry *)names;
}

static bool make_digest(struct shared_names_table *table, const struct symbol_key *key,
			struct digest *digest)
{
	if (!key->len)
		return false;
	if (!table->has_secret)
		table->has_secret = getrandom(table->secret, sizeof(table->secret),
					      GRND_NONBLOCK) == sizeof(table->secret);
	if (!table->has_secret)
		return false;
	for (int i = 0; i < 2; i++)
		digest->words[i] = siphash(table->secret[i], key->bytes, key->len);
	return true;
}

const struct shared_names *shared_names_find(struct shared_names_table *table,
					     const struct symbol_key *key)
{
	struct shared_names_entry *entry;
	struct digest digest;

	if (!make_digest(table, key, &digest))
		return NULL;
	HASH_FIND(hh, table->entries, &digest, sizeof(digest), entry);
	if (!entry)
		return NULL;
	entry->uses++;
	return &entry->names;
}

const struct shared_names *shared_names_add(struct shared_names_table *table,
					    const struct symbol_key *key, struct call_frame *frames,
					    const uint8_t *places, size_t count, bool is_short)
{
	struct shared_names_entry *entry;
	struct digest digest;

	if (!make_digest(table, key, &digest))
		return NULL;
	HASH_FIND(hh, table->entries, &digest, sizeof(digest), entry);
	if (entry)
		return NULL;
	entry = malloc(sizeof(*entry) + count);
	if (!entry)
		return NULL;
	memcpy(entry->places, places, count);
	entry->digest = digest;
	entry->uses = 1;
	entry->names = (struct shared_names){frames, entry->places, count, is_short};
	HASH_ADD(hh, table->entries, digest, sizeof(digest), entry);
	if (entry->hh.tbl)
		return &entry->names;
	free(entry);
	return NULL;
}

void shared_names_release(struct shared_names_table *table, const struct shared_names *names,
			  struct string_pool *pool)
{
	struct shared_names_entry *entry = entry_of(names);

	if (--entry->uses)
		return;
	HASH_DEL(table->entries, entry);
	call_frames_free((struct call_frame *)names->frames, names->count, pool);
	free(entry);
}

size_t shared_names_count(const struct shared_names_table *table)
{
	return HASH_COUNT(table->entries);
}
