// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go_file.h"

#include <errno.h>

#include "go/binary.h"

static const struct go_binary untouched = {1, 2, 3};

static int look(const struct go_file *file, size_t size, struct go_binary *binary)
{
	int fd = go_file_open(file, size);
	int err;

	*binary = untouched;
	err = go_binary_read(fd, binary);
	close(fd);
	return err;
}

static void assert_found(const struct go_file *file)
{
	struct go_binary binary;

	assert_int_equal(look(file, GO_FILE_SIZE, &binary), 0);
	assert_int_equal(binary.offset, GO_TEXT_AT + GO_REQUEST_AT);
	assert_int_equal(binary.address, GO_TEXT + GO_REQUEST_AT);
	assert_int_equal(binary.entry, GO_TEXT + 0x10);
}

static void assert_refused(const struct go_file *file, int err)
{
	struct go_binary binary;

	assert_int_equal(look(file, GO_FILE_SIZE, &binary), err);
	assert_memory_equal(&binary, &untouched, sizeof(binary));
}

static void it_is_found_by_its_symbol(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	assert_found(&file);
	/* Here the table of functions only shows that it is a Go program. */
	memset(file.bytes + GO_TABLE_AT, 0xff, 0x400);
	assert_found(&file);
}

static void without_symbols_by_the_table(void **state)
{
	static const uint32_t magics[] = {0xfffffffa, 0xfffffff0, 0xfffffff1};
	struct go_file file;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		go_file_make(&file);
		go_file_strip(&file);
		go_put_table(&file, magics[i], GO_TEXT);
		assert_found(&file);
	}
	go_put_table(&file, 0xfffffff2, GO_TEXT); /* of a future Go */
	assert_refused(&file, -ENOENT);
}

/* A position-independent program's address of the code is filled in only when it is loaded. */
static void where_code_begins_may_be_left_open(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_file_strip(&file);
	go_put_table(&file, 0xfffffff1, 0);
	assert_found(&file);
	/* There is other code than Go's, which may come before Go's. */
	go_section(&file, GO_S_TEXT)->sh_size += 0x100;
	go_segment(&file)->p_filesz += 0x100;
	assert_refused(&file, -ENOENT);
	go_section(&file, GO_S_TEXT)->sh_size = 0x100; /* or there is less code */
	assert_refused(&file, -ENOENT);
}

#if defined(__x86_64__)
/* The probe is at the jump, which the kernel emulates. */
static void the_jump_is_what_is_probed(void **state)
{
	static const unsigned char code[] = {0x49, 0x3b, 0x66, 0x10, 0x76, 0x20};
	struct go_binary binary;
	struct go_file file;

	(void)state;
	go_file_make(&file);
	memcpy(file.bytes + GO_TEXT_AT + GO_REQUEST_AT, code, sizeof(code));
	assert_int_equal(look(&file, GO_FILE_SIZE, &binary), 0);
	assert_int_equal(binary.offset, GO_TEXT_AT + GO_REQUEST_AT + 4);
	assert_int_equal(binary.address, GO_TEXT + GO_REQUEST_AT + 4);
}
#endif

static void other_programs_are_none(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_header(&file)->e_ident[EI_CLASS] = ELFCLASS32;
	assert_refused(&file, -ENOENT);
	go_file_make(&file);
	go_header(&file)->e_machine = EM_RISCV;
	assert_refused(&file, -ENOENT);
	go_file_make(&file);
	file.bytes[GO_NAMES_AT + 8] = 'x'; /* .xopclntab */
	assert_refused(&file, -ENOENT);
	memcpy(file.bytes, "#!/bin/sh", 9);
	assert_refused(&file, -ENOENT);
}

static void without_requests_there_is_nothing(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_symbol(&file, 3)->st_name = 1;
	go_symbol(&file, 2)->st_name = 1;
	memset(file.bytes + GO_TABLE_AT + 0x60, 'y', 0x80);
	assert_refused(&file, -ENOENT);
	go_file_make(&file);
	go_symbol(&file, 3)->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	assert_found(&file); /* through the table */
}

/* The name is the end of a longer one: some linkers store such names only once. */
static void names_may_share_their_end(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_symbol(&file, 3)->st_name = 11 + sizeof("vendor/") - 1;
	assert_found(&file);
}

static void an_address_without_code_is_refused(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_symbol(&file, 3)->st_value = GO_TEXT + GO_TEXT_SIZE;
	assert_refused(&file, -ENOEXEC);
	go_symbol(&file, 3)->st_value = 0;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_segment(&file)->p_flags = PF_R;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_segment(&file)->p_offset = UINT64_MAX - 1;
	assert_refused(&file, -ENOEXEC);
}

static void headers_without_sense_are_refused(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_header(&file)->e_shoff = UINT64_MAX - 8;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_header(&file)->e_shentsize = 8;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_header(&file)->e_shstrndx = GO_SECTIONS;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_section(&file, GO_S_SYMTAB)->sh_link = 0xffffffff;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_section(&file, GO_S_STRTAB)->sh_size = UINT64_MAX;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_header(&file)->e_shnum = 0xffff;
	assert_refused(&file, -ENOENT);
}

/* A file may claim any length: reading ends at its end. */
static void tables_beyond_the_end_are_refused(void **state)
{
	struct go_file file;

	(void)state;
	go_file_make(&file);
	go_section(&file, GO_S_STRTAB)->sh_size = 1ULL << 40;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_symbol(&file, 3)->st_name = 1;
	go_symbol(&file, 2)->st_name = 1;
	go_section(&file, GO_S_SYMTAB)->sh_size = 1ULL << 40;
	assert_refused(&file, -ENOEXEC);
	go_file_make(&file);
	go_file_strip(&file);
	go_put(&file, GO_TABLE_AT + 8, 1ULL << 40, 8);
	assert_refused(&file, -ENOEXEC);
	go_put(&file, GO_TABLE_AT + 8, 1U << 20, 8);
	assert_found(&file); /* all that is needed comes before the end */
	go_put(&file, GO_TABLE_AT + 0x100 + 0xa0 + 4, 1, 4);
	assert_refused(&file, -ENOEXEC);
}

static void a_file_of_any_length_is_answered(void **state)
{
	struct go_file file;
	struct go_binary binary;

	(void)state;
	for (int stripped = 0; stripped < 2; stripped++) {
		go_file_make(&file);
		if (stripped)
			go_file_strip(&file);
		for (size_t size = 0; size < GO_HEADERS_AT + GO_SECTIONS * sizeof(Elf64_Shdr);
		     size += 7)
			assert_true(look(&file, size, &binary) < 0);
	}
}

/* Replaces each word of the file, one at a time, by likely wrong values. */
static void any_word_may_be_wrong(void **state)
{
	static const uint64_t values[] = {0, 1, UINT32_MAX, 1ULL << 31, UINT64_MAX, 1ULL << 63};
	struct go_file file;
	struct go_binary binary;

	(void)state;
	for (size_t at = 0; at < GO_FILE_SIZE; at += 4)
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			int err;

			go_file_make(&file);
			if (at >= GO_TABLE_AT && at < GO_SYMTAB_AT)
				go_file_strip(&file);
			go_put(&file, at, values[i], at + 8 <= GO_FILE_SIZE ? 8 : 4);
			err = look(&file, GO_FILE_SIZE, &binary);
			assert_true(err == 0 || err == -ENOENT || err == -ENOEXEC || err == -EFBIG);
			if (!err)
				assert_true(binary.offset != untouched.offset);
		}
}

struct prologue {
	unsigned char code[GO_PROLOGUE_LEN];
	size_t jump;
};

#if defined(__x86_64__)
static const struct prologue prologues[] = {
	{{0x49, 0x3b, 0x66, 0x10, 0x76, 0x20}, 4},
	{{0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0xc3}, 4},
	{{0x4c, 0x8d, 0x64, 0x24, 0x90, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86}, 9},
	{{0x4c, 0x8d, 0xa4, 0x24, 0xd0, 0xfd, 0xff, 0xff, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86}, 12},
	{{0x4c, 0x8d, 0xa4, 0x24, 0xd0, 0xfd, 0xff, 0xff, 0x4d, 0x3b, 0x66, 0x10, 0x76, 0x86}, 12},
	{{0x4c, 0x8d, 0xa4, 0x24, 0xd0, 0xfd, 0xff, 0xff, 0x49, 0x3b, 0x66, 0x10, 0x76, 0x86}, 0},
	{{0x4d, 0x3b, 0x66, 0x10, 0x76, 0x20}, 0},
	{{0x49, 0x3b, 0x66, 0x10, 0x77, 0x20}, 0},
	{{0x49, 0x3b, 0x66, 0x18, 0x76, 0x20}, 0},
	{{0x49, 0x3b, 0x66, 0x10, 0x0f, 0x87}, 0},
	{{0x55, 0x48, 0x89, 0xe5}, 0},
	{{0}, 0},
};
#else
static const struct prologue prologues[] = {{{0}, 0}};
#endif

static void the_jump_is_found_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(prologues); i++)
		assert_int_equal(go_prologue_jump(prologues[i].code), prologues[i].jump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found_by_its_symbol),
		cmocka_unit_test(without_symbols_by_the_table),
		cmocka_unit_test(where_code_begins_may_be_left_open),
#if defined(__x86_64__)
		cmocka_unit_test(the_jump_is_what_is_probed),
#endif
		cmocka_unit_test(other_programs_are_none),
		cmocka_unit_test(without_requests_there_is_nothing),
		cmocka_unit_test(names_may_share_their_end),
		cmocka_unit_test(an_address_without_code_is_refused),
		cmocka_unit_test(headers_without_sense_are_refused),
		cmocka_unit_test(tables_beyond_the_end_are_refused),
		cmocka_unit_test(a_file_of_any_length_is_answered),
		cmocka_unit_test(any_word_may_be_wrong),
		cmocka_unit_test(the_jump_is_found_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
