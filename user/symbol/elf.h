/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_ELF_H
#define TCPWATCH_SYMBOL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/cfi.h"
#include "symbol/found.h"

/* A build id of 64 bytes in hex, with the 0 at its end. */
#define SYMBOL_BUILD_ID_LEN 129

/*
 * A program or library, read by libdw. Only the worker (symbol/worker.h) reads files, since libdw
 * may not withstand a file that was made to harm it.
 */
struct symbol_elf;

/*
 * Takes over the descriptor, also on failure. libdw finds separate debug files by the path. Returns
 * 0, -ENOMEM, or -ENOEXEC where it is no ELF file that libdw can read; then *elf is untouched. The
 * caller frees *elf.
 */
int symbol_elf_open(struct symbol_elf **elf, int fd, const char *path);
/* NULL is allowed. */
void symbol_elf_free(struct symbol_elf *elf);

/* The build id in hex, "" if the file has none. It is valid as long as the elf. */
const char *symbol_elf_build_id(const struct symbol_elf *elf);
/* Whether the file is a Go program. */
bool symbol_elf_is_go(const struct symbol_elf *elf);
/* Sets *address to the address, in the file's own terms, of the code at file_offset. Returns false
 * where no executable segment has that place; then *address is untouched. */
bool symbol_elf_address(struct symbol_elf *elf, uint64_t file_offset, uint64_t *address);
/*
 * Finds what is at an address from symbol_elf_address(): the functions inlined there, innermost
 * first, then the function that has them. Returns how many entries of `found` are filled, at least
 * 1. `found` has room for SYMBOL_INLINED_MAX + 1.
 */
size_t symbol_elf_find(struct symbol_elf *elf, uint64_t address, struct symbol_found *found);
/* What the function at an address from symbol_elf_address() has done with the frame pointer. */
enum unwind_kind symbol_elf_unwind(struct symbol_elf *elf, uint64_t address);

#endif
