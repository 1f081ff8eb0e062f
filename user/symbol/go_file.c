// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/go_file.h"

#include <string.h>

#include "symbol/go_module.h"

/* Other linkers put the table among other data: it begins on such a boundary there. */
#define TABLE_ALIGNMENT 8
#define TABLE_TRIES	8

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

/* The runtime's data says that what looks like the table is the table. */
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
			if (symbol_go_module(go, &begin, &inlined))
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
