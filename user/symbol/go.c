// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/go.h"

#include <string.h>

/* How many pairs are read for one value. No function is that large. */
#define STEPS_MAX (1U << 20)

/* Offsets in what the table has for a function, counted from behind the function's address (_func
 * in runtime/runtime2.go). */
enum { ABOUT_NAME = 0, ABOUT_FILE = 16, ABOUT_LINE = 20, ABOUT_TABLES = 24, ABOUT_UNIT = 28 };

#define TABLE_INLINED	2 /* pcdata: number of the inlined call at each instruction */
#define POINTER_INLINED 3 /* funcdata: the tree of inlined calls */
#define NO_POINTER	UINT32_MAX
#define CALL_OLD_LEN	20
#define CALL_LEN	16
#define NAME_ESCAPED	3

struct function {
	uint64_t entry, end;
	uint64_t about; /* offset in the table */
	uint64_t tables, table_count, pointers, pointer_count;
};

static bool number(const struct symbol_go *go, uint64_t at, size_t size, uint64_t *found)
{
	return symbol_go_number(&go->table, at, size, found);
}

static void copy(char *to, size_t size, const struct symbol_go *go, uint64_t at)
{
	size_t len = 0;

	if (at < go->table.size) {
		uint64_t rest = go->table.size - at;

		len = strnlen((const char *)go->table.bytes + at, rest < size ? rest : size - 1);
		memcpy(to, go->table.bytes + at, len);
	}
	to[len] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void symbol_go_unescape(char *name)
{
	char *to = name;

	for (const char *from = name; *from;) {
		int high = *from == '%' ? digit(from[1]) : -1;
		int low = high >= 0 ? digit(from[2]) : -1;
		unsigned char byte = low >= 0 ? (unsigned char)(high * 16 + low) : 0;

		if (byte > ' ') {
			memcpy(to++, &byte, 1);
			from += NAME_ESCAPED;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static bool entry(const struct symbol_go *go, uint64_t i, uint64_t *address)
{
	size_t size = go->header.is_old ? 8 : 4;

	if (!number(go, go->header.functions + i * 2 * size, size, address))
		return false;
	*address += go->begin;
	return true;
}

/* Finds the two lists behind the members that all functions have: pcdata, then funcdata. */
static bool read_about(const struct symbol_go *go, struct function *function)
{
	uint64_t at = function->about + ABOUT_UNIT + (go->header.has_start_line ? 8 : 4);
	uint64_t end;

	if (!number(go, function->about + ABOUT_TABLES, 4, &function->table_count) ||
	    !number(go, at + 3, 1, &function->pointer_count))
		return false;
	function->tables = at + 4;
	end = function->tables + function->table_count * 4;
	if (go->header.is_old && ((go->table.address + end) & 4))
		end += 4;
	function->pointers = end;
	return true;
}

static bool find_function(const struct symbol_go *go, uint64_t address, struct function *function)
{
	size_t size = go->header.is_old ? 8 : 4;
	uint64_t low = 0, high = go->header.count, at;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2, begins;

		if (!entry(go, middle, &begins))
			return false;
		if (begins <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !entry(go, low - 1, &function->entry) || !entry(go, low, &function->end) ||
	    address < function->entry || address >= function->end ||
	    !number(go, go->header.functions + ((low - 1) * 2 + 1) * size, size, &at) ||
	    at >= go->table.size - go->header.functions)
		return false;
	function->about = go->header.functions + at + size;
	return read_about(go, function);
}

static bool read_varint(const struct symbol_go *go, uint64_t *at, uint32_t *found)
{
	*found = 0;
	for (unsigned int shift = 0; shift < 35; shift += 7) {
		uint64_t byte;

		if (!number(go, (*at)++, 1, &byte))
			return false;
		*found |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Such a table is a list of pairs: the change of a value, and for how many bytes of code it
 * holds. */
static bool value_at(const struct symbol_go *go, const struct function *function, uint64_t table,
		     uint64_t address, int32_t *value)
{
	uint64_t at = go->header.counters + table, next = function->entry;
	uint32_t sum = UINT32_MAX;

	if (!table)
		return false;
	for (unsigned int i = 0; i < STEPS_MAX; i++) {
		uint32_t change, length;

		if (!read_varint(go, &at, &change) || (i && !change) ||
		    !read_varint(go, &at, &length))
			return false;
		sum += change & 1 ? ~(change >> 1) : change >> 1;
		next += (uint64_t)length * go->header.quantum;
		if (address < next) {
			*value = (int32_t)sum;
			return true;
		}
	}
	return false;
}

static bool about_value(const struct symbol_go *go, const struct function *function, int about,
			uint64_t address, int32_t *value)
{
	uint64_t table;

	return number(go, function->about + (uint64_t)about, 4, &table) &&
	       value_at(go, function, table, address, value);
}

static void set_line(const struct symbol_go *go, const struct function *function, uint64_t address,
		     struct symbol_found *found)
{
	int32_t file, line;
	uint64_t unit, at;

	if (!about_value(go, function, ABOUT_FILE, address, &file) || file < 0 ||
	    !about_value(go, function, ABOUT_LINE, address, &line) || line <= 0 ||
	    !number(go, function->about + ABOUT_UNIT, 4, &unit) ||
	    !number(go, go->header.units + (unit + (uint64_t)file) * 4, 4, &at) || at == NO_POINTER)
		return;
	copy(found->file, sizeof(found->file), go, go->header.files + at);
	found->line = *found->file ? (uint32_t)line : 0;
}

static void set_name(const struct symbol_go *go, uint64_t name, struct symbol_found *found)
{
	copy(found->function, sizeof(found->function), go, go->header.names + name);
	symbol_go_unescape(found->function);
}

/* Whether the instruction belongs to an inlined call; sets *call to its number. */
static bool is_inlined(const struct symbol_go *go, const struct function *function,
		       uint64_t address, uint32_t *call)
{
	uint64_t table;
	int32_t value;

	if (function->table_count <= TABLE_INLINED ||
	    !number(go, function->tables + (uint64_t)TABLE_INLINED * 4, 4, &table) ||
	    !value_at(go, function, table, address, &value) || value < 0)
		return false;
	*call = (uint32_t)value;
	return true;
}

static bool find_calls(const struct symbol_go *go, const struct function *function,
		       uint64_t *address)
{
	size_t size = go->header.is_old ? 8 : 4;
	uint64_t at = function->pointers + POINTER_INLINED * size;

	if (function->pointer_count <= POINTER_INLINED || !number(go, at, size, address))
		return false;
	if (go->header.is_old)
		return (symbol_go_pointer(go, go->table.address + at, address) || *address) &&
		       *address;
	if (*address == NO_POINTER || !go->inlined)
		return false;
	*address += go->inlined;
	return true;
}

/* Reads an inlined call: the name of the function that is called, and the offset of an instruction
 * of the caller next to the call. */
static bool read_call(const struct symbol_go *go, const struct function *function, uint32_t call,
		      uint64_t *name, uint64_t *caller)
{
	bool is_new = go->header.has_start_line;
	uint64_t calls, at;

	if (!find_calls(go, function, &calls))
		return false;
	at = calls + (uint64_t)call * (is_new ? CALL_LEN : CALL_OLD_LEN);
	for (size_t i = 0; i < go->data_count; i++) {
		const struct symbol_go_part *part = &go->data[i];

		if (at < part->address || at - part->address >= part->size)
			continue;
		at -= part->address;
		return symbol_go_number(part, at + (is_new ? 4 : 12), 4, name) &&
		       symbol_go_number(part, at + (is_new ? 8 : 16), 4, caller) &&
		       *caller < function->end - function->entry;
	}
	return false;
}

size_t symbol_go_find(const struct symbol_go *go, uint64_t address, struct symbol_found *found)
{
	uint64_t name, inner, caller, place = address;
	struct function function;
	uint32_t call;
	size_t count = 0;

	if (!find_function(go, address, &function) || !number(go, function.about, 4, &name))
		return 0;
	memset(found, 0, (SYMBOL_INLINED_MAX + 1) * sizeof(*found));
	for (;;) {
		set_line(go, &function, place, &found[count]);
		if (!is_inlined(go, &function, place, &call))
			break;
		if (count == SYMBOL_INLINED_MAX ||
		    !read_call(go, &function, call, &inner, &caller)) {
			/* The line belongs to an inlined function that is not known. */
			*found[count].file = '\0';
			found[count].line = 0;
			break;
		}
		set_name(go, inner, &found[count]);
		place = function.entry + caller;
		found[count++].offset = address > place ? address - place : 0;
	}
	set_name(go, name, &found[count]);
	found[count].offset = address - function.entry;
	return count + 1;
}
