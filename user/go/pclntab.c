// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go/pclntab.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "go/table_header.h"

#define NAME_MAX_LEN 128

/* Functions begin on such boundaries, so the code ends less than this after the last one's end. */
#define ALIGNMENT 64

/* The table, and where its parts begin, as offsets in the file. */
struct table {
	struct file_window *window;
	uint64_t begin, end;
	uint64_t count; /* of functions */
	uint64_t text;	/* what addresses are relative to; 0 in the old form */
	uint64_t names;
	uint64_t functions;
	bool is_old;
};

static int read_number(const struct table *table, uint64_t at, size_t size, uint64_t *number)
{
	const void *found;

	if (at < table->begin || at > table->end || table->end - at < size)
		return -ENOEXEC;
	found = file_window_look(table->window, at, size);
	if (!found)
		return table->window->err;
	*number = 0;
	memcpy(number, found, size); /* little endian, as we are */
	return 0;
}

static int read_header(struct table *table)
{
	uint64_t size = table->end - table->begin;
	struct pclntab_header header;
	const void *found;
	int err;

	if (size < PCLNTAB_HEADER_LEN)
		return -ENOEXEC;
	found = file_window_look(table->window, table->begin, PCLNTAB_HEADER_LEN);
	if (!found)
		return table->window->err;
	err = pclntab_header_read(found, size, &header);
	if (err)
		return err;
	table->is_old = header.is_old;
	table->count = header.count;
	table->text = header.text;
	table->names = table->begin + header.names;
	table->functions = table->begin + header.functions;
	return 0;
}

/* Where the name is, relative to the names. */
static int find_name(const struct table *table, const char *name, uint64_t *at)
{
	char whole[NAME_MAX_LEN + 2] = ""; /* between two zeros: names that end so are others */
	size_t length = strlen(name);
	int err;

	if (length > NAME_MAX_LEN)
		return -EINVAL;
	memcpy(whole + 1, name, length + 1);
	err = file_window_find(table->window, table->names, table->end, whole, length + 2, at);
	if (!err)
		*at += 1 - table->names;
	return err;
}

/* An entry has an address and the place of what more is known of the function. */
static int read_entry(const struct table *table, uint64_t number, uint64_t *address, uint64_t *at)
{
	size_t size = table->is_old ? 8 : 4;
	int err = read_number(table, table->functions + number * 2 * size, size, address);

	if (!err)
		err = read_number(table, table->functions + (number * 2 + 1) * size, size, at);
	return err;
}

/* Which function has the name; each one's is where its description says. */
static int find_function(const struct table *table, uint64_t name, uint64_t *address)
{
	size_t size = table->is_old ? 8 : 4;

	for (uint64_t i = 0; i < table->count; i++) {
		uint64_t at = 0, its_name = 0;
		int err = read_entry(table, i, address, &at);

		if (!err && at >= table->end - table->functions)
			err = -ENOEXEC;
		if (!err)
			err = read_number(table, table->functions + at + size, 4, &its_name);
		if (err)
			return err;
		if (its_name == name)
			return 0;
	}
	return -ENOENT;
}

/*
 * In a program that may be loaded anywhere the header's address of the code is put in when it is
 * loaded. It is where the program's code begins, unless there is code of other languages before;
 * then the sizes differ.
 */
static int find_text(struct table *table, uint64_t text, uint64_t text_size)
{
	uint64_t end = 0;
	int err;

	if (table->is_old || table->text)
		return 0;
	err = read_number(table, table->functions + table->count * 8, 4, &end);
	if (err)
		return err;
	if (end > text_size || text_size - end >= ALIGNMENT)
		return -ENOENT;
	table->text = text;
	return 0;
}

int pclntab_find(struct file_window *window, uint64_t offset, uint64_t size, uint64_t text,
		 uint64_t text_size, const char *name, uint64_t *address)
{
	struct table table = {.window = window, .begin = offset, .end = offset + size};
	uint64_t at = 0, found = 0;
	int err;

	if (table.end < table.begin)
		return -ENOEXEC;
	err = read_header(&table);
	if (!err)
		err = find_text(&table, text, text_size);
	if (!err)
		err = find_name(&table, name, &at);
	if (!err)
		err = find_function(&table, at, &found);
	if (err)
		return err;
	found += table.text;
	if (found < text || found - text >= text_size)
		return -ENOENT;
	*address = found;
	return 0;
}
