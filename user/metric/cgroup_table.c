// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric/cgroup_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

struct path {
	UT_hash_handle hh;
	size_t holders;
	uint32_t number;
	char text[]; /* terminated */
};

struct cgroup_table {
	struct path *by_text;
	struct path **by_number; /* [number - 1]; NULL = free */
	uint32_t *free_numbers;	 /* a stack */
	uint32_t free_count;
	uint32_t capacity; /* of both */
};

struct cgroup_table *cgroup_table_new(void)
{
	return calloc(1, sizeof(struct cgroup_table));
}

void cgroup_table_free(struct cgroup_table *table)
{
	struct path *path, *next;

	if (!table)
		return;
	HASH_ITER (hh, table->by_text, path, next) {
		HASH_DEL(table->by_text, path);
		free(path);
	}
	free(table->by_number);
	free(table->free_numbers);
	free(table);
}

/* Makes sure that there is a free number. */
static bool numbers_grow(struct cgroup_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
	struct path **by_number;
	uint32_t *free_numbers;

	if (table->free_count)
		return true;
	if (capacity < table->capacity)
		return false;
	by_number = reallocarray(table->by_number, capacity, sizeof(struct path *));
	if (!by_number)
		return false;
	table->by_number = by_number;
	free_numbers = reallocarray(table->free_numbers, capacity, sizeof(*free_numbers));
	if (!free_numbers)
		return false;
	table->free_numbers = free_numbers;
	for (uint32_t number = capacity; number > table->capacity; number--) {
		by_number[number - 1] = NULL;
		free_numbers[table->free_count++] = number;
	}
	table->capacity = capacity;
	return true;
}

static uint32_t add(struct cgroup_table *table, const char *text, size_t length)
{
	struct path *path;

	if (!numbers_grow(table))
		return 0;
	path = calloc(1, sizeof(*path) + length + 1);
	if (!path)
		return 0;
	memcpy(path->text, text, length);
	path->holders = 1;
	HASH_ADD_KEYPTR(hh, table->by_text, path->text, length, path);
	if (!path->hh.tbl) {
		free(path);
		return 0;
	}
	path->number = table->free_numbers[--table->free_count];
	table->by_number[path->number - 1] = path;
	return path->number;
}

uint32_t cgroup_table_hold(struct cgroup_table *table, const char *path)
{
	char text[(CGROUP_PATH_LEN - 1) * UTF8_REPLACED_LEN + 1];
	size_t length = utf8_replace(path, strnlen(path, CGROUP_PATH_LEN - 1), text);
	struct path *known;

	if (!length)
		return 0;
	HASH_FIND(hh, table->by_text, text, length, known);
	if (!known)
		return add(table, text, length);
	known->holders++;
	return known->number;
}

void cgroup_table_hold_number(struct cgroup_table *table, uint32_t number)
{
	if (number)
		table->by_number[number - 1]->holders++;
}

void cgroup_table_release(struct cgroup_table *table, uint32_t number)
{
	struct path *path = number ? table->by_number[number - 1] : NULL;

	if (!path || --path->holders)
		return;
	HASH_DEL(table->by_text, path);
	table->by_number[number - 1] = NULL;
	table->free_numbers[table->free_count++] = number;
	free(path);
}

const char *cgroup_table_path(const struct cgroup_table *table, uint32_t number)
{
	return number ? table->by_number[number - 1]->text : "";
}

size_t cgroup_table_count(const struct cgroup_table *table)
{
	return HASH_COUNT(table->by_text);
}
