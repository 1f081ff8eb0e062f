/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_GO_H
#define TCPWATCH_SYMBOL_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/table_header.h"
#include "symbol/elf.h"

#define SYMBOL_GO_PARTS	      64
#define SYMBOL_GO_RELOCATIONS 4

/* Bytes of a file, which stay the caller's, and where they are loaded. */
struct symbol_go_part {
	const uint8_t *bytes;
	uint64_t size, address;
};

/*
 * What Go's runtime has for its own stack traces: it is in every Go program, stripped or not.
 * Filled in by symbol_go_file_read(), or by hand and symbol_go_start().
 */
struct symbol_go {
	struct symbol_go_part table; /* .gopclntab */
	struct symbol_go_part text;  /* bytes: not used */
	struct symbol_go_part data[SYMBOL_GO_PARTS];
	size_t data_count;
	struct symbol_go_part relocations[SYMBOL_GO_RELOCATIONS]; /* Elf64_Rela */
	size_t relocation_count;
	/* Below: by symbol_go_start(). */
	struct pclntab_header header;
	uint64_t begin;	  /* what addresses are relative to; 0 in the old form */
	uint64_t inlined; /* address of what is inlined where; 0: not known, or the old form */
};

/* False where it is no table that can be read. */
bool symbol_go_start(struct symbol_go *go);
/*
 * As symbol_elf_find(), for an address in the file's own terms: functions inlined there, then the
 * one that is not. Returns 0, and leaves `found` alone, where the table does not have it.
 */
size_t symbol_go_find(const struct symbol_go *go, uint64_t address, struct symbol_found *found);

/* Go escapes bytes of package paths in names, such as the dot in gopkg.in/yaml%2ev2: in place. */
void symbol_go_unescape(char *name);

#endif
