/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_GO_FILE_H
#define TCPWATCH_SYMBOL_GO_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/pclntab.h"

#define SYMBOL_GO_PARTS	      64
#define SYMBOL_GO_RELOCATIONS 4

/* Bytes of a file, which stay the caller's, and the address where they are loaded. */
struct symbol_go_part {
	const uint8_t *bytes;
	uint64_t size, address;
};

/*
 * Where a Go program has what its runtime needs for stack traces. Every Go program has it, stripped
 * or not. symbol_go_file_read() fills all of it; tests fill in the parts and call
 * symbol_go_start().
 */
struct symbol_go {
	struct symbol_go_part table; /* .gopclntab */
	struct symbol_go_part text;  /* .text; its bytes are not used */
	struct symbol_go_part data[SYMBOL_GO_PARTS];
	size_t data_count;
	struct symbol_go_part relocations[SYMBOL_GO_RELOCATIONS]; /* of Elf64_Rela */
	size_t relocation_count;
	/* symbol_go_start() fills in the rest. */
	struct pclntab_header header;
	uint64_t begin;	  /* the table's addresses are relative to this one; 0 up to Go 1.17 */
	uint64_t inlined; /* address of the trees of inlined calls (funcdata); 0: not known, or
			     Go up to 1.17 */
};

/* Whether the file, which may be NULL, is a Go program: by the names of its sections. */
bool symbol_go_file_is(Elf *file);
/* Reads where the parts are. The bytes stay the Elf's, which must outlive *go. Returns false where
 * there is no table that can be read. */
bool symbol_go_file_read(struct symbol_go *go, Elf *file);
/* Reads the table's header, and the numbers of the runtime's moduledata. Returns false where the
 * table cannot be read. */
bool symbol_go_start(struct symbol_go *go);

/* Reads `size` bytes, up to 8, as a number. Returns false beyond the part's end. */
bool symbol_go_number(const struct symbol_go_part *part, uint64_t offset, size_t size,
		      uint64_t *number);
/* Reads the pointer that will be at an address once the program is loaded. Returns false where it
 * is not known. */
bool symbol_go_pointer(const struct symbol_go *go, uint64_t address, uint64_t *pointer);

#endif
