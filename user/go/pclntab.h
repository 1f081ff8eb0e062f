/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PCLNTAB_H
#define TCPWATCH_PCLNTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file_window.h"

/*
 * The table of functions that Go's runtime needs for its own stack traces (section .gopclntab,
 * described in Go's runtime/symtab.go), as Go 1.16 and later write it.
 */

#define PCLNTAB_HEADER_LEN    72
#define PCLNTAB_FUNCTIONS_MAX (1U << 22)

/* How the table begins. */
struct pclntab_header {
	bool is_old;	     /* Go 1.16 and 1.17: has addresses, not offsets from the code */
	bool has_start_line; /* Go 1.20 and later: functions have the line where they begin */
	uint8_t quantum;     /* the length of an instruction in bytes is a multiple of this */
	uint64_t count;	     /* of functions: 1 to PCLNTAB_FUNCTIONS_MAX */
	uint64_t text;	     /* address of the code; 0 where the header does not have it */
	/* Offsets in the table. */
	uint64_t names, units, files, counters, functions;
};

/*
 * Reads the header of a table of `size` bytes. Returns 0; -ENOENT where the table is of another
 * version of Go; -ENOEXEC where its numbers cannot be right. The header is filled in also then.
 */
int pclntab_header_read(const unsigned char bytes[PCLNTAB_HEADER_LEN], uint64_t size,
			struct pclntab_header *header);

/*
 * Finds the address of a function by its full name. The table is at [offset, offset + size) of the
 * file, the program's code, of all languages, is text_size bytes at the address `text`. Returns 0;
 * -ENOENT where there is no such function, or where its address is not certain; another negative
 * errno. *address is untouched unless 0.
 */
int pclntab_find(struct file_window *window, uint64_t offset, uint64_t size, uint64_t text,
		 uint64_t text_size, const char *name, uint64_t *address);

#endif
