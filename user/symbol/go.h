/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_GO_H
#define TCPWATCH_SYMBOL_GO_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/found.h"
#include "symbol/go_file.h"

/*
 * As symbol_elf_find(), from the table of Go's runtime, for an address in the file's own terms.
 * Returns 0, and leaves `found` untouched, where the table has no function there.
 */
size_t symbol_go_find(const struct symbol_go *go, uint64_t address, struct symbol_found *found);

/* Replaces, in place, the escapes that Go puts for some bytes of package paths, as in
 * "gopkg.in/yaml%2ev2". */
void symbol_go_unescape(char *name);

#endif
