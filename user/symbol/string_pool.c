// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/string_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct string_pool_entry {
	UT_hash_handle hh;
	size_t uses;
	char text[];
};

const char *string_pool_keep(struct string_pool *pool, const char *text)
{
	size_t len = strlen(text), size = sizeof(struct string_pool_entry) + len + 1;
	struct string_pool_entry *found;

	if (!len)
		return NULL;
	HASH_FIND(hh, pool->entries, text, len, found);
	if (found) {
		found->uses++;
		return found->text;
	}
	if (pool->bytes + size > STRING_POOL_MAX)
		return NULL;
	found = malloc(size);
	if (!found)
		return NULL;
	found->uses = 1;
	memcpy(found->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, pool->entries, found->text, len, found);
	if (!found->hh.tbl) {
		free(found);
		return NULL;
	}
	pool->bytes += size;
	return found->text;
}

void string_pool_drop(struct string_pool *pool, const char *kept)
{
	struct string_pool_entry *entry;

	if (!kept)
		return;
	entry = (struct string_pool_entry *)(kept - offsetof(struct string_pool_entry, text));
	if (--entry->uses)
		return;
	pool->bytes -= sizeof(*entry) + strlen(kept) + 1;
	HASH_DEL(pool->entries, entry);
	free(entry);
}

void string_pool_clear(struct string_pool *pool)
{
	struct string_pool_entry *entry, *next;

	HASH_ITER (hh, pool->entries, entry, next) {
		HASH_DEL(pool->entries, entry);
		free(entry);
	}
	pool->bytes = 0;
}
