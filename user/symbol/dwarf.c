// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/dwarf.h"

#include <dwarf.h>
#include <string.h>

/* How deep nested entries are followed. A file may be made to nest without end. */
#define DEPTH_MAX 64
/* How many entries are read for one address. */
#define ENTRIES_MAX 4000000

/* The entries that contain the address, outermost first: a function, then what is inlined in it. */
struct chain {
	Dwarf_Die dies[SYMBOL_INLINED_MAX + 1];
	size_t count;
	uint32_t entries;
};

/* Indexes the units by the addresses that each one names. Compilers often leave out the table that
 * is made for this (.debug_aranges). */
static void index_units(struct symbol_dwarf *dwarf, Dwarf *debug)
{
	Dwarf_Off offset = 0, next;
	size_t header;

	dwarf->has_units = true;
	while (!dwarf_nextcu(debug, offset, &next, &header, NULL, NULL, NULL)) {
		Dwarf_Die die;
		Dwarf_Addr base, low, high;
		ptrdiff_t at = 0;

		if (dwarf_offdie(debug, offset + header, &die))
			while ((at = dwarf_ranges(&die, at, &base, &low, &high)) > 0)
				if (low < high &&
				    symbol_index_add(&dwarf->units, low, high, offset + header))
					return;
		offset = next;
	}
}

static void copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void name_die(Dwarf_Die *die, struct symbol_found *found)
{
	Dwarf_Attribute memory;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &memory));

	if (!name)
		name = dwarf_formstring(
			dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &memory));
	if (!name)
		name = dwarf_diename(die);
	if (name)
		symbol_name_write(found->function, name);
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* Entries without addresses of their own, in which C++ and Rust declare functions. */
static bool is_folder(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_enumeration_type;
}

static bool walk(Dwarf_Die *parent, uint64_t address, unsigned int depth, struct chain *chain)
{
	Dwarf_Die die;

	if (depth == DEPTH_MAX || dwarf_child(parent, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);
		size_t count = chain->count;

		if (++chain->entries > ENTRIES_MAX)
			return true;
		if (is_folder(tag)) {
			if (dwarf_haschildren(&die) > 0 && walk(&die, address, depth + 1, chain))
				return true;
			continue;
		}
		if (!is_scope(tag) || dwarf_haspc(&die, address) <= 0)
			continue;
		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) {
			if (count == SYMBOL_INLINED_MAX + 1)
				return true;
			chain->dies[chain->count++] = die;
		}
		walk(&die, address, depth + 1, chain);
		return true;
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

static void set_line(Dwarf_Die *unit, uint64_t address, struct symbol_found *found)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	if (!file || dwarf_lineno(line, &number))
		return;
	copy(found->file, sizeof(found->file), file);
	found->line = number > 0 ? (uint32_t)number : 0;
}

/* Sets file and line to those of the call that was inlined. */
static void set_call(Dwarf_Die *unit, Dwarf_Die *inlined, struct symbol_found *found)
{
	Dwarf_Attribute memory;
	Dwarf_Word number, line;
	Dwarf_Files *files;
	const char *file;
	size_t count;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &memory), &number) ||
	    dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &memory), &line) ||
	    dwarf_getsrcfiles(unit, &files, &count) || number >= count || line > UINT32_MAX)
		return;
	file = dwarf_filesrc(files, number, NULL, NULL);
	if (!file)
		return;
	copy(found->file, sizeof(found->file), file);
	found->line = (uint32_t)line;
}

static void set_function(Dwarf_Die *die, uint64_t address, struct symbol_found *found)
{
	Dwarf_Addr low;

	name_die(die, found);
	if (!dwarf_entrypc(die, &low) && low <= address)
		found->offset = address - low;
}

size_t symbol_dwarf_find(struct symbol_dwarf *dwarf, Dwarf *debug, uint64_t address,
			 struct symbol_found *found)
{
	const struct symbol_range *range;
	struct chain chain = {0};
	Dwarf_Die unit;

	if (!dwarf->has_units) {
		index_units(dwarf, debug);
		symbol_index_seal(&dwarf->units);
	}
	range = symbol_index_find(&dwarf->units, address);
	if (!range || !dwarf_offdie(debug, range->value, &unit))
		return 1;
	set_line(&unit, address, &found[0]);
	walk(&unit, address, 0, &chain);
	for (size_t i = 0; i < chain.count; i++) {
		Dwarf_Die *die = &chain.dies[chain.count - 1 - i];

		set_function(die, address, &found[i]);
		if (i + 1 < chain.count)
			set_call(&unit, die, &found[i + 1]);
	}
	return chain.count ? chain.count : 1;
}

void symbol_dwarf_clear(struct symbol_dwarf *dwarf)
{
	symbol_index_clear(&dwarf->units);
}
