/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_FILE_H
#define TCPWATCH_GO_FILE_H

/* The parts of a Go program that go/binary.c reads, made by hand, so that each can be made
 * wrong. */
#include "events.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#define GO_FILE_SIZE  0x4000
#define GO_TEXT	      0x401000ULL /* address of the code; below are offsets in the file */
#define GO_TEXT_AT    0x1000
#define GO_TEXT_SIZE  0x800
#define GO_TABLE_AT   0x2000
#define GO_SYMTAB_AT  0x3000
#define GO_STRTAB_AT  0x3200
#define GO_NAMES_AT   0x3400
#define GO_HEADERS_AT 0x3600

#define GO_REQUEST    "net/http.(*persistConn).roundTrip"
#define GO_REQUEST_AT 0x240 /* offset in the code */

enum { GO_S_NONE, GO_S_TEXT, GO_S_TABLE, GO_S_SYMTAB, GO_S_STRTAB, GO_S_NAMES, GO_SECTIONS };

#if defined(__x86_64__)
#define GO_MACHINE EM_X86_64
#else
#define GO_MACHINE EM_AARCH64
#endif

struct go_file {
	_Alignas(8) unsigned char bytes[GO_FILE_SIZE];
};

static inline Elf64_Ehdr *go_header(struct go_file *file)
{
	return (Elf64_Ehdr *)file->bytes;
}

static inline Elf64_Phdr *go_segment(struct go_file *file)
{
	return (Elf64_Phdr *)(file->bytes + sizeof(Elf64_Ehdr));
}

static inline Elf64_Shdr *go_section(struct go_file *file, int number)
{
	return (Elf64_Shdr *)(file->bytes + GO_HEADERS_AT) + number;
}

static inline Elf64_Sym *go_symbol(struct go_file *file, int number)
{
	return (Elf64_Sym *)(file->bytes + GO_SYMTAB_AT) + number;
}

static inline void go_put(struct go_file *file, size_t at, uint64_t number, size_t size)
{
	memcpy(file->bytes + at, &number, size);
}

/* A table of three functions. The second one is looked for. */
static inline void go_put_table(struct go_file *file, uint32_t magic, uint64_t text)
{
	static const char names[] = "\0main.main\0x" GO_REQUEST "\0" GO_REQUEST "\0runtime.main";
	static const uint32_t starts[] = {0, GO_REQUEST_AT, 0x500, GO_TEXT_SIZE - 16};
	const uint32_t name_at[] = {1, 11 + sizeof("x" GO_REQUEST), 0x70};
	bool is_old = magic == 0xfffffffa;
	size_t at = GO_TABLE_AT, word = is_old ? 8 : 4, names_at = 0x60, functions_at = 0x100;

	memset(file->bytes + at, 0, 0x400);
	go_put(file, at, magic, 4);
	go_put(file, at + 6, 1 | 8 << 8, 2);
	go_put(file, at + 8, 3, 8);
	if (!is_old)
		go_put(file, at + 24, text, 8);
	go_put(file, at + (is_old ? 24 : 32), names_at, 8);
	go_put(file, at + (is_old ? 56 : 64), functions_at, 8);
	memcpy(file->bytes + at + names_at, names, sizeof(names));
	for (size_t i = 0; i < 4; i++) {
		uint64_t start = starts[i] + (is_old ? GO_TEXT : 0), about = 0x80 + i * 0x20;
		size_t entry = at + functions_at + i * 2 * word;

		go_put(file, entry, start, word);
		if (i == 3)
			break;
		go_put(file, entry + word, about, word);
		go_put(file, at + functions_at + about, start, word);
		go_put(file, at + functions_at + about + word, name_at[i], 4);
	}
}

static inline void go_put_section(struct go_file *file, int number, uint32_t name, uint32_t type,
				  uint64_t at, uint64_t size)
{
	*go_section(file, number) =
		(Elf64_Shdr){.sh_name = name, .sh_type = type, .sh_offset = at, .sh_size = size};
}

/* A program as Go's linker makes it: with symbols, and the table of Go 1.20. */
static inline void go_file_make(struct go_file *file)
{
	static const char names[] = "\0.text\0.gopclntab\0.symtab\0.strtab\0.shstrtab";
	static const char strings[] = "\0main.main\0vendor/" GO_REQUEST "\0" GO_REQUEST;

	memset(file, 0, sizeof(*file));
	*go_header(file) = (Elf64_Ehdr){
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = GO_MACHINE,
		.e_entry = GO_TEXT + 0x10,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = GO_HEADERS_AT,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = GO_SECTIONS,
		.e_shstrndx = GO_S_NAMES,
	};
	*go_segment(file) = (Elf64_Phdr){.p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X,
					 .p_vaddr = GO_TEXT - GO_TEXT_AT,
					 .p_filesz = GO_TEXT_AT + GO_TEXT_SIZE};
	go_put_section(file, GO_S_TEXT, 1, SHT_PROGBITS, GO_TEXT_AT, GO_TEXT_SIZE);
	go_section(file, GO_S_TEXT)->sh_addr = GO_TEXT;
	go_put_section(file, GO_S_TABLE, 7, SHT_PROGBITS, GO_TABLE_AT, 0x400);
	go_put_section(file, GO_S_SYMTAB, 18, SHT_SYMTAB, GO_SYMTAB_AT, 4 * sizeof(Elf64_Sym));
	go_section(file, GO_S_SYMTAB)->sh_entsize = sizeof(Elf64_Sym);
	go_section(file, GO_S_SYMTAB)->sh_link = GO_S_STRTAB;
	go_put_section(file, GO_S_STRTAB, 26, SHT_STRTAB, GO_STRTAB_AT, sizeof(strings));
	go_put_section(file, GO_S_NAMES, 34, SHT_STRTAB, GO_NAMES_AT, sizeof(names));
	memcpy(file->bytes + GO_NAMES_AT, names, sizeof(names));
	memcpy(file->bytes + GO_STRTAB_AT, strings, sizeof(strings));
	for (int i = 1; i < 4; i++)
		*go_symbol(file, i) = (Elf64_Sym){
			.st_name = i == 1   ? 1
				   : i == 2 ? 11
					    : 11 + sizeof("vendor/" GO_REQUEST),
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = GO_S_TEXT,
			.st_value = GO_TEXT + (i == 3 ? GO_REQUEST_AT : (unsigned int)i * 0x40),
		};
	go_put_table(file, 0xfffffff1, GO_TEXT);
}

/* Removes the symbols, as -ldflags=-s does. */
static inline void go_file_strip(struct go_file *file)
{
	go_section(file, GO_S_SYMTAB)->sh_type = SHT_PROGBITS;
}

/* Writes the first `size` bytes to a memfd, which the caller closes. */
static inline int go_file_open(const struct go_file *file, size_t size)
{
	int fd = memfd_create("go", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file->bytes, size), size);
	return fd;
}

#endif
