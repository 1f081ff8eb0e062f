// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go/binary.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_window.h"
#include "go/pclntab.h"

/* Go's linker makes some 40 sections, others add a few. */
#define SECTIONS_MAX 512
#define SEGMENTS_MAX 64

#define REQUEST_FUNCTION "net/http.(*persistConn).roundTrip"

/* How many names that end as REQUEST_FUNCTION does are tried: copies of the package have them. */
#define CANDIDATES_MAX 16

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE /* the register of a Go function's first argument is not known */
#endif

struct reader {
	struct file_window window;
	Elf64_Ehdr header;
	Elf64_Shdr names; /* of sections */
};

static int read_header(struct reader *reader)
{
	const void *found = file_window_look(&reader->window, 0, sizeof(reader->header));
	const Elf64_Ehdr *header = &reader->header;

	if (!found)
		return reader->window.err;
	memcpy(&reader->header, found, sizeof(reader->header));
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != MACHINE || MACHINE == EM_NONE)
		return -ENOENT;
	if (header->e_shnum > SECTIONS_MAX || header->e_phnum > SEGMENTS_MAX)
		return -ENOENT;
	if (header->e_shentsize != sizeof(Elf64_Shdr) ||
	    header->e_phentsize != sizeof(Elf64_Phdr) || header->e_shstrndx >= header->e_shnum)
		return -ENOEXEC;
	return 0;
}

static int read_section(struct reader *reader, unsigned int number, Elf64_Shdr *section)
{
	const void *found;
	uint64_t offset;

	*section = (Elf64_Shdr){0};
	if (number >= reader->header.e_shnum ||
	    __builtin_add_overflow(reader->header.e_shoff, number * sizeof(*section), &offset))
		return -ENOEXEC;
	found = file_window_look(&reader->window, offset, sizeof(*section));
	if (!found)
		return reader->window.err;
	memcpy(section, found, sizeof(*section));
	return section->sh_offset + section->sh_size < section->sh_offset ? -ENOEXEC : 0;
}

static bool is_named(struct reader *reader, const Elf64_Shdr *section, const char *name)
{
	size_t length = strlen(name) + 1;
	const char *found;

	if (section->sh_name > reader->names.sh_size ||
	    reader->names.sh_size - section->sh_name < length)
		return false;
	found = file_window_look(&reader->window, reader->names.sh_offset + section->sh_name,
				 length);
	return found && !memcmp(found, name, length);
}

/* Returns 0, -ENOENT, or another negative errno. */
static int find_section(struct reader *reader, const char *name, Elf64_Shdr *section)
{
	for (unsigned int i = 1; i < reader->header.e_shnum; i++) {
		int err = read_section(reader, i, section);

		if (err)
			return err;
		if (section->sh_type != SHT_NOBITS && is_named(reader, section, name))
			return 0;
	}
	return -ENOENT;
}

static int find_symbol_table(struct reader *reader, Elf64_Shdr *section)
{
	for (unsigned int i = 1; i < reader->header.e_shnum; i++) {
		int err = read_section(reader, i, section);

		if (err)
			return err;
		if (section->sh_type == SHT_SYMTAB && section->sh_entsize == sizeof(Elf64_Sym))
			return 0;
	}
	return -ENOENT;
}

/* Finds the places in a string table of names that are, or end as, the function's. */
static int find_names(struct reader *reader, const Elf64_Shdr *strings,
		      uint32_t names[CANDIDATES_MAX], size_t *count)
{
	uint64_t at = strings->sh_offset, end = strings->sh_offset + strings->sh_size;

	*count = 0;
	while (*count < CANDIDATES_MAX) {
		int err = file_window_find(&reader->window, at, end, REQUEST_FUNCTION,
					   sizeof(REQUEST_FUNCTION), &at);

		if (err == -ENOENT)
			break;
		if (err)
			return err;
		if (at - strings->sh_offset <= UINT32_MAX)
			names[(*count)++] = (uint32_t)(at - strings->sh_offset);
		at++;
	}
	return *count ? 0 : -ENOENT;
}

static int find_by_symbol(struct reader *reader, uint64_t *address)
{
	uint32_t names[CANDIDATES_MAX];
	Elf64_Shdr symbols = {0}, strings = {0};
	size_t count = 0;
	int err = find_symbol_table(reader, &symbols);

	if (!err)
		err = read_section(reader, symbols.sh_link, &strings);
	if (!err)
		err = find_names(reader, &strings, names, &count);
	if (err)
		return err;
	for (uint64_t i = 0; i < symbols.sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *symbol = file_window_look(
			&reader->window, symbols.sh_offset + i * sizeof(*symbol), sizeof(*symbol));
		Elf64_Sym copy;

		if (!symbol)
			return reader->window.err;
		memcpy(&copy, symbol, sizeof(copy)); /* it may not be aligned in the file */
		if (ELF64_ST_TYPE(copy.st_info) != STT_FUNC || copy.st_shndx == SHN_UNDEF)
			continue;
		for (size_t j = 0; j < count; j++)
			if (copy.st_name == names[j]) {
				*address = copy.st_value;
				return 0;
			}
	}
	return -ENOENT;
}

static int find_in_segments(struct reader *reader, uint64_t address, uint64_t *offset)
{
	for (unsigned int i = 0; i < reader->header.e_phnum; i++) {
		const void *found;
		Elf64_Phdr segment;
		uint64_t at;

		if (__builtin_add_overflow(reader->header.e_phoff, i * sizeof(segment), &at))
			return -ENOEXEC;
		found = file_window_look(&reader->window, at, sizeof(segment));
		if (!found)
			return reader->window.err;
		memcpy(&segment, found, sizeof(segment));
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) ||
		    address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
			continue;
		return __builtin_add_overflow(address - segment.p_vaddr, segment.p_offset, offset)
			       ? -ENOEXEC
			       : 0;
	}
	return -ENOEXEC;
}

/* Every Go program has this table, stripped or not. */
static int find_function_table(struct reader *reader, Elf64_Shdr *table)
{
	int err = find_section(reader, ".gopclntab", table);

	return err == -ENOENT ? find_section(reader, ".data.rel.ro.gopclntab", table) : err;
}

#if defined(__x86_64__)

static bool is_jump(const unsigned char *code)
{
	return code[0] == 0x76 || (code[0] == 0x0f && code[1] == 0x86); /* jbe, near or far */
}

/* A function with a small frame compares %rsp itself, with a larger one what %rsp will be. */
size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN])
{
	static const unsigned char compare[] = {0x49, 0x3b, 0x66, 0x10};
	static const unsigned char compare_r12[] = {0x4d, 0x3b, 0x66, 0x10};
	static const unsigned char lea_1[] = {0x4c, 0x8d, 0x64, 0x24};
	static const unsigned char lea_4[] = {0x4c, 0x8d, 0xa4, 0x24};
	size_t length = 0;

	if (!memcmp(code, lea_1, sizeof(lea_1)))
		length = sizeof(lea_1) + sizeof(int8_t);
	else if (!memcmp(code, lea_4, sizeof(lea_4)))
		length = sizeof(lea_4) + sizeof(int32_t);
	if (memcmp(code + length, length ? compare_r12 : compare, sizeof(compare)) != 0)
		return 0;
	length += sizeof(compare);
	return is_jump(code + length) ? length : 0;
}

#else

size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN])
{
	(void)code;
	return 0;
}

#endif

static int go_to_jump(struct reader *reader, struct go_binary *found)
{
	const unsigned char *code =
		file_window_look(&reader->window, found->offset, GO_PROLOGUE_LEN);
	size_t length;

	if (!code)
		return reader->window.err;
	length = go_prologue_jump(code);
	found->address += length;
	found->offset += length;
	return 0;
}

static int find_request(struct reader *reader, struct go_binary *found)
{
	Elf64_Shdr table = {0}, text = {0};
	int err = read_header(reader);

	if (!err)
		err = read_section(reader, reader->header.e_shstrndx, &reader->names);
	if (!err)
		err = find_function_table(reader, &table);
	if (err)
		return err;
	err = find_by_symbol(reader, &found->address);
	if (err == -ENOENT) {
		err = find_section(reader, ".text", &text);
		if (!err)
			err = pclntab_find(&reader->window, table.sh_offset, table.sh_size,
					   text.sh_addr, text.sh_size, REQUEST_FUNCTION,
					   &found->address);
	}
	if (!err)
		err = find_in_segments(reader, found->address, &found->offset);
	if (!err)
		err = go_to_jump(reader, found);
	found->entry = reader->header.e_entry;
	return err;
}

int go_binary_read(int fd, struct go_binary *binary)
{
	struct reader *reader = malloc(sizeof(*reader));
	struct go_binary found = {0};
	int err;

	if (!reader)
		return -ENOMEM;
	file_window_init(&reader->window, fd, GO_BINARY_BUDGET);
	err = find_request(reader, &found);
	free(reader);
	if (!err)
		*binary = found;
	return err;
}
