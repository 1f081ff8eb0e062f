/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_DWARF_H
#define TCPWATCH_SYMBOL_DWARF_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/found.h"
#include "symbol/index.h"

/* What is kept of the debug information of one file. A zeroed one has read nothing yet. */
struct symbol_dwarf {
	struct symbol_index units; /* value: offset of the unit's first entry */
	bool has_units;
};

/*
 * As symbol_elf_find(), for an address in DWARF's terms. The first call indexes the units. Returns
 * at least 1; what the debug information does not know stays as it is in `found`.
 */
size_t symbol_dwarf_find(struct symbol_dwarf *dwarf, Dwarf *debug, uint64_t address,
			 struct symbol_found *found);
/* Frees the index; *dwarf may be used again only after it was zeroed. */
void symbol_dwarf_clear(struct symbol_dwarf *dwarf);

#endif
