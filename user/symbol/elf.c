// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/elf.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/cfi.h"
#include "symbol/dwarf.h"
#include "symbol/go.h"
#include "symbol/index.h"

struct symbol_elf {
	Dwfl *dwfl;
	Dwfl_Module *module;
	struct symbol_cfi cfi;
	struct symbol_dwarf dwarf;
	struct symbol_index symbols; /* value: number of the symbol */
	bool has_symbols;
	bool is_go;   /* Go code has frame pointers, though its CFI does not show them */
	bool go_read; /* symbol_go_file_read() was called */
	bool has_go;
	struct symbol_go go;
	char build_id[SYMBOL_BUILD_ID_LEN];
};

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static void read_build_id(struct symbol_elf *elf)
{
	const unsigned char *bits;
	GElf_Addr address;
	int len = dwfl_module_build_id(elf->module, &bits, &address);

	if (len > (SYMBOL_BUILD_ID_LEN - 1) / 2)
		return;
	for (int i = 0; i < len; i++)
		snprintf(elf->build_id + i * 2, 3, "%02x", bits[i]);
}

int symbol_elf_open(struct symbol_elf **elf, int fd, const char *path)
{
	struct symbol_elf *made = calloc(1, sizeof(*made));

	if (!made) {
		close(fd);
		return -ENOMEM;
	}
	made->dwfl = dwfl_begin(&callbacks);
	if (made->dwfl)
		made->module = dwfl_report_elf(made->dwfl, path, path, fd, 0, true);
	if (!made->module) {
		close(fd);
		symbol_elf_free(made);
		return -ENOEXEC;
	}
	dwfl_report_end(made->dwfl, NULL, NULL);
	read_build_id(made);
	made->is_go = symbol_go_file_is(dwfl_module_getelf(made->module, &(GElf_Addr){0}));
	symbol_cfi_init(&made->cfi, made->module);
	*elf = made;
	return 0;
}

void symbol_elf_free(struct symbol_elf *elf)
{
	if (!elf)
		return;
	symbol_index_clear(&elf->symbols);
	symbol_dwarf_clear(&elf->dwarf);
	if (elf->dwfl)
		dwfl_end(elf->dwfl);
	free(elf);
}

const char *symbol_elf_build_id(const struct symbol_elf *elf)
{
	return elf->build_id;
}

bool symbol_elf_is_go(const struct symbol_elf *elf)
{
	return elf->is_go;
}

bool symbol_elf_address(struct symbol_elf *elf, uint64_t file_offset, uint64_t *address)
{
	GElf_Addr bias;
	Elf *file = dwfl_module_getelf(elf->module, &bias);
	size_t count;

	if (!file || elf_getphdrnum(file, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr memory, *header = gelf_getphdr(file, (int)i, &memory);

		if (!header || header->p_type != PT_LOAD || !(header->p_flags & PF_X) ||
		    file_offset < header->p_offset ||
		    file_offset - header->p_offset >= header->p_filesz)
			continue;
		*address = file_offset - header->p_offset + header->p_vaddr + bias;
		return true;
	}
	return false;
}

/*
 * Indexes the symbols of functions by address. Of several at one address the one with the fewest
 * leading underscores comes first, and global ones before local ones.
 */
static void index_symbols(struct symbol_elf *elf)
{
	int count = dwfl_module_getsymtab(elf->module);

	elf->has_symbols = true;
	for (int i = 1; i < count; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name = dwfl_module_getsym_info(elf->module, i, &symbol, &address, NULL,
							   NULL, NULL);
		uint64_t rank;

		if (!name || !*name || symbol.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(symbol.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC &&
		     GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE))
			continue;
		/* Labels in assembly have no type. Of these, $x and the like only mark what kind of
		 * code follows. */
		if (GELF_ST_TYPE(symbol.st_info) == STT_NOTYPE && (*name == '$' || *name == '.'))
			continue;
		rank = strspn(name, "_");
		rank = (rank > 7 ? 7 : rank) * 2 + (GELF_ST_BIND(symbol.st_info) == STB_LOCAL);
		if (symbol_index_add(&elf->symbols, address,
				     symbol.st_size < UINT64_MAX - address
					     ? address + symbol.st_size
					     : address,
				     rank << 32 | (uint32_t)i))
			break;
	}
	symbol_index_seal(&elf->symbols);
}

static bool name_symbol(struct symbol_elf *elf, uint64_t address, struct symbol_found *found)
{
	const struct symbol_range *range;
	GElf_Sym symbol;
	const char *name;

	if (!elf->has_symbols)
		index_symbols(elf);
	range = symbol_index_find(&elf->symbols, address);
	if (!range)
		return false;
	name = dwfl_module_getsym_info(elf->module, (int)(uint32_t)range->value, &symbol,
				       &(GElf_Addr){0}, NULL, NULL, NULL);
	if (!name)
		return false;
	symbol_name_write(found->function, name);
	found->offset = address - range->low;
	return true;
}

/* Looks an address up in the table of Go's runtime, which stripped programs have as well. Returns 0
 * where it has no entry. */
static size_t find_go(struct symbol_elf *elf, uint64_t address, struct symbol_found *found)
{
	GElf_Addr bias;
	Elf *file = dwfl_module_getelf(elf->module, &bias);

	if (!elf->go_read)
		elf->has_go = symbol_go_file_read(&elf->go, file);
	elf->go_read = true;
	return elf->has_go ? symbol_go_find(&elf->go, address - bias, found) : 0;
}

size_t symbol_elf_find(struct symbol_elf *elf, uint64_t address, struct symbol_found *found)
{
	size_t count, go = 0;
	GElf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(elf->module, &bias);

	memset(found, 0, (SYMBOL_INLINED_MAX + 1) * sizeof(*found));
	for (size_t i = 0; i <= SYMBOL_INLINED_MAX; i++)
		found[i].offset = address;
	count = dwarf ? symbol_dwarf_find(&elf->dwarf, dwarf, address - bias, found) : 1;
	if (elf->is_go && (!*found[0].file || !*found[count - 1].function)) {
		go = find_go(elf, address, found);
		count = go ? go : count;
	}
	/* The last resort: sorting the symbols of a large program takes longer than the rest. */
	if (!*found[count - 1].function)
		name_symbol(elf, address, &found[count - 1]);
	for (size_t i = 0; elf->is_go && !go && i < count; i++)
		symbol_go_unescape(found[i].function);
	return count;
}

enum unwind_kind symbol_elf_unwind(struct symbol_elf *elf, uint64_t address)
{
	return elf->is_go ? UNWIND_FRAME : symbol_cfi_kind(&elf->cfi, address);
}
