/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_ELF_H
#define TCPWATCH_SYMBOL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/name.h"
#include "symbol/frames.h"

#define SYMBOL_BUILD_ID_LEN 129
#define SYMBOL_FILE_LEN	    512
/* Functions inlined into each other at one address. */
#define SYMBOL_INLINED_MAX 16

/* A program or library, read by libdw. Its content is never trusted: for the worker only. */
struct symbol_elf;

/* What one address is. "" and 0 where it is not known. */
struct symbol_found {
	char function[SYMBOL_NAME_LEN];
	char file[SYMBOL_FILE_LEN];
	uint32_t line;
	uint64_t offset; /* in the function; in the file where there is none */
};

/* Takes the descriptor, also on failure. The path is for finding separate debug files. Returns 0
 * or a negative errno. */
int symbol_elf_open(struct symbol_elf **elf, int fd, const char *path);
void symbol_elf_free(struct symbol_elf *elf);

/* In hex; "" if it has none. */
const char *symbol_elf_build_id(const struct symbol_elf *elf);
/* Is it a Go program? */
bool symbol_elf_is_go(const struct symbol_elf *elf);
/* The address in the file's own terms of what is at this place of it. */
bool symbol_elf_address(struct symbol_elf *elf, uint64_t file_offset, uint64_t *address);
/* What is at the address: functions that are inlined there, innermost first, then the one that is
 * not. Returns how many: at least 1. `found` has room for SYMBOL_INLINED_MAX + 1. */
size_t symbol_elf_find(struct symbol_elf *elf, uint64_t address, struct symbol_found *found);
enum unwind_kind symbol_elf_unwind(struct symbol_elf *elf, uint64_t address);

#endif
