/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_DWARF_H
#define TCPWATCH_SYMBOL_DWARF_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/elf.h"
#include "symbol/index.h"

/* Debug information of one file. Zeroed: nothing read yet. */
struct symbol_dwarf {
	struct symbol_index units; /* value: offset of the unit's first entry */
	bool has_units;
};

/* As symbol_elf_find(), for an address in DWARF's terms. What it does not know it leaves. */
size_t symbol_dwarf_find(struct symbol_dwarf *dwarf, Dwarf *debug, uint64_t address,
			 struct symbol_found *found);
void symbol_dwarf_clear(struct symbol_dwarf *dwarf);

#endif
