/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_TABLE_H
#define TCPWATCH_GO_TABLE_H

/* Go's table of functions, made by hand: for versions that are not installed, and for fuzzing. */
#include <string.h>

#include "symbol/go_file.h"

#define GO_TABLE_TEXT	0x401000ULL
#define GO_TABLE_AT	0x500000ULL
#define GO_TABLE_DATA	0x600000ULL
#define GO_TABLE_SIZE	0x200
#define GO_TABLE_CALLS	0x180 /* in the data: the inlined calls */
#define GO_TABLE_MEMORY 0x200 /* bytes of data */

struct go_table {
	uint8_t table[GO_TABLE_SIZE];
	uint8_t data[GO_TABLE_MEMORY];
};

static inline void go_table_put(uint8_t *at, uint64_t number, size_t size)
{
	memcpy(at, &number, size);
}

/*
 * Two functions of 0x40 bytes: p.first in a.go; p.second, from line 20 on in a.go, has p.inner
 * inlined at [0x10, 0x20) of it, which is line 7 of b.go, and is called in line 21.
 */
static inline void go_table_make(struct go_table *made, uint32_t magic)
{
	static const char names[] = "\0p.first\0p.second\0p.inner", files[] = "a.go\0b.go";
	/* Of p.second: file, line, inlined calls. Of p.first: file, line. */
	static const uint8_t counters[] = {0,  2,    0x10, 2,	 0x10, 1,    0x20, 0, /* at 1 */
					   42, 0xf,  2,	   1,	 27,   0x10, 28,   0x20,
					   0,					/* at 8 */
					   0,  0x10, 2,	   0x10, 1,    0x20, 0, /* at 17 */
					   2,  0x40, 0,	   8,	 0x40, 0};	/* at 24, 27 */
	bool is_old = magic == 0xfffffffa, is_new = magic == 0xfffffff1;
	size_t word = is_old ? 8 : 4, name_of_call = is_new ? 4 : 12;
	uint64_t base = is_old ? GO_TABLE_TEXT : 0;
	uint8_t *table = made->table, *at = table + 8, *call = made->data + GO_TABLE_CALLS;
	const uint64_t parts[] = {0x48, 0x68, 0x70, 0x80, 0xb0};

	memset(made, 0, sizeof(*made));
	go_table_put(table, magic, 4);
	table[6] = 1;
	table[7] = 8;
	go_table_put(at, 2, 8);
	go_table_put(at + 8, 2, 8);
	at += 16;
	if (!is_old) {
		go_table_put(at, GO_TABLE_TEXT, 8);
		at += 8;
	}
	for (size_t i = 0; i < 5; i++)
		go_table_put(at + i * 8, parts[i], 8);
	memcpy(table + 0x48, names, sizeof(names));
	go_table_put(table + 0x6c, 5, 4); /* the second of the unit's files */
	memcpy(table + 0x70, files, sizeof(files));
	memcpy(table + 0x80, counters, sizeof(counters));
	for (size_t i = 0; i < 3; i++) {
		uint64_t about = 0x40 + i * 0x70;
		uint8_t *function = table + 0xb0 + about;

		go_table_put(table + 0xb0 + i * 2 * word, base + i * 0x40, word);
		if (i == 2)
			break;
		go_table_put(table + 0xb0 + (i * 2 + 1) * word, about, word);
		go_table_put(function, base + i * 0x40, word);
		function += word;
		go_table_put(function, i ? 9 : 1, 4);
		go_table_put(function + 16, i ? 1 : 24, 4);
		go_table_put(function + 20, i ? 8 : 27, 4);
		go_table_put(function + 24, 3, 4);
		function += is_new ? 36 : 32;
		function[3] = 4; /* number of pointers */
		go_table_put(function + 4 + 8, i ? 17 : 0, 4);
		function += 16;
		if (is_old && ((GO_TABLE_AT + (uint64_t)(function - table)) & 4))
			function += 4;
		go_table_put(function + 3 * word,
			     is_old ? (i ? GO_TABLE_DATA + GO_TABLE_CALLS : 0)
				    : (i ? 0x10 : UINT32_MAX),
			     word);
	}
	go_table_put(made->data + 8, GO_TABLE_AT, 8);
	go_table_put(made->data + 16, GO_TABLE_AT + 0x48, 8);
	go_table_put(made->data + 8 + (size_t)22 * 8, GO_TABLE_TEXT, 8);
	go_table_put(made->data + 8 + (size_t)(is_new ? 40 : 38) * 8,
		     GO_TABLE_DATA + GO_TABLE_CALLS - 0x10, 8);
	go_table_put(call + name_of_call, 18, 4);
	go_table_put(call + name_of_call + 4, 0xf, 4);
}

#endif
