// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/go_file.h"

#include <string.h>

/* Go aligns functions to at most this, so .text ends less than this behind the last one's end. */
#define ALIGNMENT 64

/* Linkers other than Go's put the table among other data, aligned to this. */
#define TABLE_ALIGNMENT 8
#define TABLE_TRIES	8

/* Which words of 8 bytes, in the runtime's moduledata (runtime/symtab.go), are read. Each of them
 * is an address. */
enum { WORD_HEADER, WORD_NAMES, WORD_TEXT = 22, WORD_INLINED_1_18 = 38, WORD_INLINED_1_20 = 40 };

bool symbol_go_number(const struct symbol_go_part *part, uint64_t offset, size_t size,
		      uint64_t *number)
{
	if (offset > part->size || part->size - offset < size)
		return false;
	*number = 0;
	memcpy(number, part->bytes + offset, size); /* both are little-endian */
	return true;
}

/* Position-independent programs have addresses in relocations, not where they are used. */
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

/* moduledata begins with the addresses of the table and of the table's names. */
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

		/* Few relocations point to the table. Each try searches all of them. */
		while (tries < 16 && relocation(&go->relocations[i], &at, &found))
			if ((uint64_t)found.r_addend == go->table.address && ++tries &&
			    is_module(go, found.r_offset, begin, inlined))
				return true;
	}
	return false;
}

/* Finds the runtime's moduledata, which says where the code and the inlined calls begin. */
static bool find_module(const struct symbol_go *go, uint64_t *begin, uint64_t *inlined)
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

/* The header's own address may be filled in only when the program is loaded. */
static bool find_begin(struct symbol_go *go)
{
	uint64_t begin = 0, inlined = 0, end;

	go->begin = go->header.text;
	if (go->header.is_old)
		return true;
	if (find_module(go, &begin, &inlined)) {
		go->begin = begin;
		go->inlined = inlined;
	}
	if (go->begin)
		return true;
	/* Go's code is all of .text, unless code of other languages comes before it. Then the sizes
	 * differ. */
	if (!symbol_go_number(&go->table, go->header.functions + go->header.count * 8, 4, &end) ||
	    end > go->text.size || go->text.size - end >= ALIGNMENT)
		return false;
	go->begin = go->text.address;
	return true;
}

bool symbol_go_start(struct symbol_go *go)
{
	unsigned int quantum;

	go->begin = go->inlined = 0;
	if (go->table.size < PCLNTAB_HEADER_LEN ||
	    pclntab_header_read(go->table.bytes, go->table.size, &go->header))
		return false;
	quantum = go->header.quantum;
	return (quantum == 1 || quantum == 2 || quantum == 4) && find_begin(go);
}

static bool is_table(const char *name)
{
	return !strcmp(name, ".gopclntab") || !strcmp(name, ".data.rel.ro.gopclntab");
}

static const char *name_of(Elf *file, size_t names, const GElf_Shdr *header)
{
	const char *name = elf_strptr(file, names, header->sh_name);

	return name ? name : "";
}

bool symbol_go_file_is(Elf *file)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (!file || elf_getshdrstrndx(file, &names))
		return false;
	while ((section = elf_nextscn(file, section))) {
		GElf_Shdr memory, *header = gelf_getshdr(section, &memory);

		const char *name = header ? name_of(file, names, header) : "";

		if (is_table(name) || !strcmp(name, ".go.buildinfo"))
			return true;
	}
	return false;
}

static bool part_of(Elf_Scn *section, const GElf_Shdr *header, struct symbol_go_part *part)
{
	Elf_Data *data = elf_rawdata(section, NULL);

	if (!data || !data->d_buf || header->sh_flags & SHF_COMPRESSED)
		return false;
	*part = (struct symbol_go_part){data->d_buf, data->d_size, header->sh_addr};
	return true;
}

static void take_section(struct symbol_go *go, Elf_Scn *section, const GElf_Shdr *header,
			 const char *name)
{
	struct symbol_go_part part;

	if (!(header->sh_flags & SHF_ALLOC) || header->sh_type == SHT_NOBITS)
		return;
	if (header->sh_flags & SHF_EXECINSTR) {
		if (!strcmp(name, ".text"))
			go->text = (struct symbol_go_part){NULL, header->sh_size, header->sh_addr};
		return;
	}
	if (!part_of(section, header, &part))
		return;
	if (header->sh_type == SHT_RELA) {
		if (go->relocation_count < SYMBOL_GO_RELOCATIONS)
			go->relocations[go->relocation_count++] = part;
		return;
	}
	if (is_table(name))
		go->table = part;
	else if (go->data_count < SYMBOL_GO_PARTS)
		go->data[go->data_count++] = part;
}

/* Searches the data for the table. What looks like it is the table if moduledata points there. */
static bool find_table(struct symbol_go *go)
{
	unsigned int tries = 0;

	for (size_t i = 0; i < go->data_count; i++) {
		const struct symbol_go_part *part = &go->data[i];

		for (uint64_t at = 0; part->size >= PCLNTAB_HEADER_LEN && tries < TABLE_TRIES &&
				      at <= part->size - PCLNTAB_HEADER_LEN;
		     at += TABLE_ALIGNMENT) {
			uint64_t begin, inlined;

			if (pclntab_header_read(part->bytes + at, part->size - at, &go->header))
				continue;
			tries++;
			go->table = (struct symbol_go_part){part->bytes + at, part->size - at,
							    part->address + at};
			if (find_module(go, &begin, &inlined))
				return true;
		}
	}
	return false;
}

bool symbol_go_file_read(struct symbol_go *go, Elf *file)
{
	const char *ident = file ? elf_getident(file, NULL) : NULL;
	Elf_Scn *section = NULL;
	size_t names;

	*go = (struct symbol_go){0};
	if (!ident || ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
	    elf_getshdrstrndx(file, &names))
		return false;
	while ((section = elf_nextscn(file, section))) {
		GElf_Shdr memory, *header = gelf_getshdr(section, &memory);

		if (header)
			take_section(go, section, header, name_of(file, names, header));
	}
	return (go->table.bytes || find_table(go)) && symbol_go_start(go);
}
