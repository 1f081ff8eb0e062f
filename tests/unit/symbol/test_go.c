// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Go programs without symbols, compared with what Go's tools and DWARF know of the same ones. */
#include "events.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "go_table.h"
#include "shell.h"
#include "symbol/elf.h"
#include "symbol/go.h"

#define SOURCE "tests/unit/symbols/go_inlined.go"
#define GO     "GO111MODULE=off GOFLAGS= go "
#define STEP   397 /* distance of the addresses that are compared, in bytes */

static char folder[] = "/tmp/tcpwatch-go-XXXXXX";

struct program {
	int fd;
	Elf *file;
	struct symbol_go go;
};

static bool read_program(struct program *program, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	program->fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(program->fd >= 0);
	elf_version(EV_CURRENT);
	program->file = elf_begin(program->fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(program->file);
	assert_true(symbol_go_file_is(program->file));
	return symbol_go_file_read(&program->go, program->file);
}

static void end_program(struct program *program)
{
	elf_end(program->file);
	close(program->fd);
}

static struct symbol_elf *open_twin(const char *name)
{
	struct symbol_elf *elf;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(symbol_elf_open(&elf, fd, path), 0);
	return elf;
}

/* Addresses from the first function to the last one, with what Go's tools report for each. */
static FILE *ask_go(const char *twin, const struct symbol_go *go)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/addresses", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	for (uint64_t at = 0; at < go->text.size; at += STEP)
		fprintf(file, "%#jx\n", (uintmax_t)(go->text.address + at));
	assert_int_equal(fclose(file), 0);
	shell("cd %s && " GO "tool addr2line %s <addresses >answers", folder, twin);
	snprintf(path, sizeof(path), "%s/answers", folder);
	file = fopen(path, "re");
	assert_non_null(file);
	return file;
}

static void read_answer(FILE *file, char function[512], char place[600])
{
	assert_non_null(fgets(function, 512, file));
	assert_non_null(fgets(place, 600, file));
	function[strcspn(function, "\n")] = place[strcspn(place, "\n")] = '\0';
	symbol_go_unescape(function);
}

/* All that is found must be as Go's tools report; at least `least` addresses must be found. */
static void compare_go(const char *name, const char *twin, size_t least)
{
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
	char function[512], place[600], own[600];
	size_t compared = 0, inlined = 0;
	struct program program;
	FILE *answers;

	assert_true(read_program(&program, name));
	answers = ask_go(twin, &program.go);
	for (uint64_t at = 0; at < program.go.text.size; at += STEP) {
		size_t count = symbol_go_find(&program.go, program.go.text.address + at, found);

		read_answer(answers, function, place);
		if (!count || !strcmp(function, "?"))
			continue;
		function[SYMBOL_NAME_LEN - 1] = '\0';
		assert_string_equal(found[count - 1].function, function);
		snprintf(own, sizeof(own), "%s:%u", found[0].file, found[0].line);
		if (*found[0].file)
			assert_string_equal(own, place);
		compared += *found[0].file != '\0';
		inlined += count > 1;
	}
	print_message("%s: %zu addresses, %zu inlined\n", name, compared, inlined);
	assert_true(compared >= least && inlined >= least / 20);
	fclose(answers);
	end_program(&program);
}

/* Inlined functions and lines must be as in DWARF. */
static void compare_dwarf(const char *name, const char *twin)
{
	struct symbol_found found[SYMBOL_INLINED_MAX + 1], other[SYMBOL_INLINED_MAX + 1];
	struct symbol_elf *elf = open_twin(twin);
	size_t same = 0, different = 0, inlined = 0;
	struct program program;

	assert_true(read_program(&program, name));
	for (uint64_t at = 0; at < program.go.text.size; at += STEP) {
		uint64_t address = program.go.text.address + at;
		size_t count = symbol_go_find(&program.go, address, found);
		size_t others = symbol_elf_find(elf, address, other);
		bool is_same = count == others;

		if (!count || !*other[0].file)
			continue;
		for (size_t i = 0; i < count && is_same; i++)
			is_same = !strcmp(found[i].function, other[i].function) &&
				  !strcmp(found[i].file, other[i].file) &&
				  found[i].line == other[i].line;
		same += is_same;
		different += !is_same;
		inlined += is_same && count > 1;
	}
	print_message("%s: %zu as in DWARF (%zu inlined), %zu not\n", name, same, inlined,
		      different);
	assert_true(same >= 1000 && inlined >= 100 && different * 50 <= same);
	symbol_elf_free(elf);
	end_program(&program);
}

static void stripped_programs_have_names(void **state)
{
	(void)state;
	shell(GO "build -ldflags='-s -w' -o %s/bare " SOURCE, folder);
	shell(GO "build -o %s/twin " SOURCE, folder);
	compare_go("bare", "twin", 1000);
	compare_go("twin", "twin", 1000);
	compare_dwarf("bare", "twin");
}

static void wherever_they_are_loaded(void **state)
{
	(void)state;
	shell(GO "build -buildmode=pie -ldflags='-s -w' -o %s/bare_pie " SOURCE, folder);
	shell(GO "build -buildmode=pie -o %s/twin_pie " SOURCE, folder);
	compare_dwarf("bare_pie", "twin_pie");
}

static void of_other_machines(void **state)
{
	(void)state;
	shell("GOARCH=arm64 " GO "build -trimpath -ldflags='-s -w' -o %s/bare_arm " SOURCE, folder);
	shell("GOARCH=arm64 " GO "build -trimpath -o %s/twin_arm " SOURCE, folder);
	compare_go("bare_arm", "twin_arm", 1000);
}

/* Programs with C code have another linker, which puts the code elsewhere. */
static void with_other_languages(void **state)
{
	static const char *const modes[] = {"exe", "pie"};

	(void)state;
	shell("sed 's/^package main$/&\\n\\n\\/\\/ int zero(void) { return 0; }\\nimport \"C\"/; "
	      "s/len(os.Args)/int(C.zero())/' " SOURCE " >%s/mixed.go",
	      folder);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		shell("cd %s && CGO_ENABLED=1 " GO
		      "build -buildmode=%s -ldflags='-linkmode=external "
		      "-s -w' -o bare_mixed mixed.go",
		      folder, modes[i]);
		shell("cd %s && CGO_ENABLED=1 " GO
		      "build -buildmode=%s -ldflags=-linkmode=external "
		      "-o twin_mixed mixed.go",
		      folder, modes[i]);
		compare_dwarf("bare_mixed", "twin_mixed");
	}
}

/* The line of a function that is not known would mislead, so it is left out. */
static void without_inlined_functions_there_is_no_line(void **state)
{
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
	size_t with = 0, without = 0;
	struct program program;

	(void)state;
	assert_true(read_program(&program, "bare"));
	for (uint64_t at = 0; at < program.go.text.size; at += STEP) {
		uint64_t address = program.go.text.address + at, inlined = program.go.inlined;
		size_t count = symbol_go_find(&program.go, address, found);

		if (count < 2)
			continue;
		program.go.inlined = 0;
		assert_int_equal(symbol_go_find(&program.go, address, found), 1);
		program.go.inlined = inlined;
		assert_string_not_equal(found[0].function, "");
		with += found[0].line != 0;
		without += !found[0].line;
	}
	assert_true(!with && without > 50);
	end_program(&program);
}

static void escaped_names_are_as_they_were(void **state)
{
	static const char *const names[][2] = {
		{"gopkg.in/yaml%2ev2.Unmarshal", "gopkg.in/yaml.v2.Unmarshal"},
		{"a%2", "a%2"},
		{"a%", "a%"},
		{"%00%0a%20x", "%00%0a%20x"},
		{"%zz%25", "%zz%"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s", names[i][0]);
		symbol_go_unescape(name);
		assert_string_equal(name, names[i][1]);
	}
}

static void assert_found(const struct symbol_found *found, const char *function, const char *file,
			 uint32_t line, uint64_t offset)
{
	assert_string_equal(found->function, function);
	assert_string_equal(found->file, file);
	assert_int_equal(found->line, line);
	assert_int_equal(found->offset, offset);
}

static void tables_of_all_versions_are_read(void **state)
{
	static const uint32_t magics[] = {0xfffffffa, 0xfffffff0, 0xfffffff1};
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
	struct go_table made;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		struct symbol_go go = {
			.table = {made.table, sizeof(made.table), GO_TABLE_AT},
			.data = {{made.data, sizeof(made.data), GO_TABLE_DATA}},
			.data_count = 1,
		};

		go_table_make(&made, magics[i]);
		assert_true(symbol_go_start(&go));
		assert_int_equal(symbol_go_find(&go, GO_TABLE_TEXT + 0x3f, found), 1);
		assert_found(&found[0], "p.first", "a.go", 3, 0x3f);
		assert_int_equal(symbol_go_find(&go, GO_TABLE_TEXT + 0x45, found), 1);
		assert_found(&found[0], "p.second", "a.go", 20, 5);
		assert_int_equal(symbol_go_find(&go, GO_TABLE_TEXT + 0x51, found), 2);
		assert_found(&found[0], "p.inner", "b.go", 7, 2);
		assert_found(&found[1], "p.second", "a.go", 21, 0x11);
		assert_int_equal(symbol_go_find(&go, GO_TABLE_TEXT + 0x80, found), 0);
		assert_int_equal(symbol_go_find(&go, GO_TABLE_TEXT - 1, found), 0);
	}
	go_table_make(&made, 0xfffffff2);
	assert_false(symbol_go_start(
		&(struct symbol_go){.table = {made.table, sizeof(made.table), GO_TABLE_AT}}));
}

/* The table is on the heap, in a block of its exact length, so that sanitizers find reads behind
 * it. */
static void damaged_tables_are_answered(void **state)
{
	static const uint64_t values[] = {0, 1, 0x7f, 0xff, UINT32_MAX, 1ULL << 31, UINT64_MAX};
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
	struct program program;
	struct symbol_go go;
	size_t opened = 0;

	(void)state;
	assert_true(read_program(&program, "bare"));
	for (size_t i = 0; i < 600; i++) {
		uint64_t size = program.go.table.size, address = program.go.begin + i * 0x333;
		uint64_t at = i < 72 ? i : program.go.header.functions + (i * 131) % (size / 4);
		uint8_t *bytes;

		if (i >= 400) /* cut off */
			size = i < 500 ? i - 400 : size / 200 * (i - 400);
		bytes = malloc(size + !size);
		assert_non_null(bytes);
		memcpy(bytes, program.go.table.bytes, size);
		if (i < 400)
			memcpy(bytes + at, &values[i % ARRAY_SIZE(values)], 8);
		go = program.go;
		go.table.bytes = bytes;
		go.table.size = size;
		if (symbol_go_start(&go)) {
			opened++;
			for (size_t j = 0; j < 50; j++)
				assert_true(symbol_go_find(&go, address + j * 0x1001, found) <=
					    SYMBOL_INLINED_MAX + 1);
		}
		free(bytes);
	}
	assert_true(opened > 100 && opened < 600);
	end_program(&program);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	shell("rm -rf %s", folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stripped_programs_have_names),
		cmocka_unit_test(wherever_they_are_loaded),
		cmocka_unit_test(of_other_machines),
		cmocka_unit_test(with_other_languages),
		cmocka_unit_test(without_inlined_functions_there_is_no_line),
		cmocka_unit_test(escaped_names_are_as_they_were),
		cmocka_unit_test(tables_of_all_versions_are_read),
		cmocka_unit_test(damaged_tables_are_answered),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
