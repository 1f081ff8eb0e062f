// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/string_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct symbol_text {
	UT_hash_handle hh;
	char text[];
};

const char *symbol_texts_keep(struct symbol_texts *texts, const char *text)
{
	size_t len = strlen(text), size = sizeof(struct symbol_text) + len + 1;
	struct symbol_text *found;

	if (!len)
		return NULL;
	HASH_FIND(hh, texts->texts, text, len, found);
	if (found)
		return found->text;
	if (texts->bytes + size > SYMBOL_TEXTS_MAX)
		return NULL;
	found = malloc(size);
	if (!found)
		return NULL;
	memcpy(found->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, texts->texts, found->text, len, found);
	if (!found->hh.tbl) {
		free(found);
		return NULL;
	}
	texts->bytes += size;
	return found->text;
}

void symbol_texts_clear(struct symbol_texts *texts)
{
	struct symbol_text *text, *next;

	HASH_ITER (hh, texts->texts, text, next) {
		HASH_DEL(texts->texts, text);
		free(text);
	}
	texts->bytes = 0;
}
