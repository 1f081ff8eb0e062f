// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/go_module.h"

#include <elf.h>
#include <string.h>

/* Words of the runtime's moduledata: addresses all. */
enum { WORD_HEADER, WORD_NAMES, WORD_TEXT = 22, WORD_INLINED_1_18 = 38, WORD_INLINED_1_20 = 40 };

bool symbol_go_number(const struct symbol_go_part *part, uint64_t offset, size_t size,
		      uint64_t *number)
{
	if (offset > part->size || part->size - offset < size)
		return false;
	*number = 0;
	memcpy(number, part->bytes + offset, size); /* little endian, as we are */
	return true;
}

/* Programs that may be loaded anywhere have their addresses apart. */
static bool relocation(const struct symbol_go_part *part, uint64_t *at, Elf64_Rela *found)
{
	if (*at > part->size || part->size - *at < sizeof(*found))
		return false;
	memcpy(found, part->bytes + *at, sizeof(*found));
	*at += sizeof(*found);
	return true;
}

bool symbol_go_pointer(const struct symbol_go *go, uint64_t address, uint64_t *pointer)
{
	for (size_t i = 0; i < go->relocation_count; i++) {
		Elf64_Rela found;
		uint64_t at = 0;

		while (relocation(&go->relocations[i], &at, &found))
			if (found.r_offset == address && !ELF64_R_SYM(found.r_info)) {
				*pointer = (uint64_t)found.r_addend;
				return true;
			}
	}
	for (size_t i = 0; i < go->data_count; i++) {
		const struct symbol_go_part *part = &go->data[i];

		if (address >= part->address && address - part->address < part->size)
			return symbol_go_number(part, address - part->address, 8, pointer);
	}
	return false;
}

/* It begins with the addresses of the table and of the table's names. */
static bool is_module(const struct symbol_go *go, uint64_t address, uint64_t *begin,
		      uint64_t *inlined)
{
	unsigned int word = go->header.has_start_line ? WORD_INLINED_1_20 : WORD_INLINED_1_18;
	uint64_t names;

	if (!symbol_go_pointer(go, address + WORD_NAMES * 8, &names) ||
	    names != go->table.address + go->header.names ||
	    !symbol_go_pointer(go, address + WORD_TEXT * 8, begin) ||
	    (go->header.text && *begin != go->header.text))
		return false;
	if (!symbol_go_pointer(go, address + word * 8, inlined))
		*inlined = 0;
	return true;
}

static bool find_in_relocations(const struct symbol_go *go, uint64_t *begin, uint64_t *inlined)
{
	unsigned int tries = 0;

	for (size_t i = 0; i < go->relocation_count; i++) {
		Elf64_Rela found;
		uint64_t at = 0;

		/* A few point there; each try looks through all. */
		while (tries < 16 && relocation(&go->relocations[i], &at, &found))
			if ((uint64_t)found.r_addend == go->table.address && ++tries &&
			    is_module(go, found.r_offset, begin, inlined))
				return true;
	}
	return false;
}

bool symbol_go_module(const struct symbol_go *go, uint64_t *begin, uint64_t *inlined)
{
	unsigned int tries = 0;

	if (find_in_relocations(go, begin, inlined))
		return true;
	for (size_t i = 0; i < go->data_count; i++) {
		const struct symbol_go_part *part = &go->data[i];
		uint64_t word;

		for (uint64_t at = 0; tries < 16 && symbol_go_number(part, at, 8, &word); at += 8)
			if (word == go->table.address && ++tries &&
			    is_module(go, part->address + at, begin, inlined))
				return true;
	}
	return false;
}
