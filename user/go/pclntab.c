// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go/pclntab.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC_1_16 0xfffffffaU
#define MAGIC_1_18 0xfffffff0U
#define MAGIC_1_20 0xfffffff1U

#define POINTER_SIZE 8

#define NAME_MAX_LEN 128

/* Go aligns functions to at most this, so .text ends less than this behind the last one's end. */
#define ALIGNMENT 64

/* The processors that Go programs are read on are little-endian, as the table is. */
static uint64_t word_at(const unsigned char *bytes, unsigned int word)
{
	uint64_t number;

	memcpy(&number, bytes + 8 + (size_t)word * 8, sizeof(number));
	return number;
}

int pclntab_header_read(const unsigned char bytes[PCLNTAB_HEADER_LEN], uint64_t size,
			struct pclntab_header *header)
{
	uint64_t *const parts[] = {&header->names, &header->units, &header->files,
				   &header->counters, &header->functions};
	unsigned int word = 2;
	uint32_t magic;

	memcpy(&magic, bytes, sizeof(magic));
	if ((magic != MAGIC_1_16 && magic != MAGIC_1_18 && magic != MAGIC_1_20) ||
	    bytes[7] != POINTER_SIZE)
		return -ENOENT;
	*header = (struct pclntab_header){
		.is_old = magic == MAGIC_1_16,
		.has_start_line = magic == MAGIC_1_20,
		.quantum = bytes[6],
		.count = word_at(bytes, 0),
	};
	if (!header->is_old)
		header->text = word_at(bytes, word++);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i] = word_at(bytes, word++);
		if (*parts[i] >= size)
			return -ENOEXEC;
	}
	return header->count && header->count <= PCLNTAB_FUNCTIONS_MAX ? 0 : -ENOEXEC;
}

/* The table and its parts, as offsets in the file. */
struct table {
	struct file_window *window;
	uint64_t begin, end;
	uint64_t count; /* of functions */
	uint64_t text;	/* addresses are relative to this; 0 up to Go 1.17 */
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
	memcpy(number, found, size); /* both are little-endian */
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

/* Sets *at to the offset of the name in the table's names. */
static int find_name(const struct table *table, const char *name, uint64_t *at)
{
	/* The name between two zeros: names that only end with it are not found. */
	char whole[NAME_MAX_LEN + 2] = "";
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

/* An entry has the function's address and the offset of its description. */
static int read_entry(const struct table *table, uint64_t number, uint64_t *address, uint64_t *at)
{
	size_t size = table->is_old ? 8 : 4;
	int err = read_number(table, table->functions + number * 2 * size, size, address);

	if (!err)
		err = read_number(table, table->functions + (number * 2 + 1) * size, size, at);
	return err;
}

/* Finds the function with this name; its description has the name's offset. */
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
 * In a position-independent program the header's address of the code is filled in only when the
 * program is loaded. Go's code is all of .text, unless code of other languages comes before it.
 * Then the sizes differ, and the function is not looked for.
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
