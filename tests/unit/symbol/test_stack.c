// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What stacks keep of programs, mappings and names: all of it has bounds, and none of it a wrong
 * site. */
#include "events.h"

#include <sys/mman.h>
/* Kinds of mappings have these names in symbol/maps.h. */
#undef MAP_FILE
#undef MAP_ANONYMOUS
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>

#include "../../symbols/symbols.h"
#include "symbol/call_site.h"
#include "symbol/stack.h"

#define LIBC	     "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define PROGRAM_AT   0x400000
#define LIBC_AT	     0x7f0000000000
#define MANY	     1500 /* mappings of a process */
#define FOLDER_DEPTH 12

static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "job"};

/* A process of the program with this number, that calls libc. */
static void map_program(struct symbol_maps *maps, uint32_t program)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%x-%x r-xp 00000000 08:01 %u /srv/jobs/job-%05u\n"
		 "%llx-%llx r-xp 00000000 08:01 7 " LIBC "\n",
		 PROGRAM_AT, PROGRAM_AT + 0x10000, program + 100, program,
		 (unsigned long long)LIBC_AT, (unsigned long long)LIBC_AT + 0x10000);
	assert_int_equal(symbol_maps_parse(maps, text, strlen(text)), 0);
	assert_int_equal(maps->count, 2);
}

static struct symbol_stack *placed(struct symbol_files *files, uint32_t program)
{
	struct event_stack e = make_stack(7, &task, STACK_CONNECT, START_NS);
	struct symbol_maps maps;
	const struct address_space space = {.maps = &maps, .ns_pid = 100};
	struct symbol_stack *stack;

	e.count = 2;
	e.frames[0] = LIBC_AT + 0x123;
	e.frames[1] = PROGRAM_AT + 0x456;
	stack = symbol_stack_new(program + 1, &e);
	assert_non_null(stack);
	map_program(&maps, program);
	symbol_stack_place(stack, &space, files);
	symbol_maps_clear(&maps);
	return stack;
}

static void assert_site(const struct symbol_stack *stack, uint32_t program)
{
	char path[64];

	snprintf(path, sizeof(path), "/srv/jobs/job-%05u", program);
	assert_int_equal(stack->names.count, 2);
	assert_string_equal(call_site_frame(&stack->names)->module, path);
}

static void ten_thousand_programs(void **state)
{
	struct symbol_files *files = symbol_files_new();
	struct string_pool pool = {0};

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct symbol_stack *stack = symbol_stack_give_up(placed(files, i), &pool);

		assert_false(stack->is_refused);
		assert_site(stack, i);
		symbol_stack_free(stack, &pool);
	}
	assert_int_equal(pool.bytes, 0);
	symbol_files_free(files);
}

/* More programs at the same time than are known: then the site is not known, and never libc. */
static void too_many_programs_at_once(void **state)
{
	static struct symbol_stack *stacks[SYMBOL_FILES_MAX + 100];
	struct symbol_files *files = symbol_files_new();
	struct string_pool pool = {0};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		stacks[i] = placed(files, i);
		/* One of the files is libc. */
		assert_int_equal(stacks[i]->is_refused, i >= SYMBOL_FILES_MAX - 1);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		stacks[i] = symbol_stack_give_up(stacks[i], &pool);
		if (stacks[i]->is_refused)
			assert_null(call_site_frame(&stacks[i]->names));
		else
			assert_site(stacks[i], i);
		symbol_stack_free(stacks[i], &pool);
	}
	assert_int_equal(pool.bytes, 0);
	symbol_files_free(files);
}

static void no_room_for_names(void **state)
{
	struct symbol_files *files = symbol_files_new();
	struct string_pool pool = {0};
	struct symbol_stack *stack;
	const char *libc = string_pool_keep(&pool, LIBC);

	(void)state;
	pool.bytes += STRING_POOL_MAX; /* as if it were full: only the name of libc is there */
	stack = symbol_stack_give_up(placed(files, 1), &pool);
	pool.bytes -= STRING_POOL_MAX;
	assert_true(stack->is_refused);
	assert_null(call_site_frame(&stack->names));
	symbol_stack_free(stack, &pool);
	string_pool_drop(&pool, libc);
	assert_int_equal(pool.bytes, 0);
	symbol_files_free(files);
}

static void no_room_for_frames(void **state)
{
	struct symbol_files *files = symbol_files_new();
	struct string_pool pool = {.frame_bytes = STRING_POOL_FRAMES_MAX};
	struct symbol_stack *stack;

	(void)state;
	stack = symbol_stack_give_up(placed(files, 1), &pool);
	assert_true(stack->is_refused);
	assert_null(call_site_frame(&stack->names));
	symbol_stack_free(stack, &pool);
	pool.frame_bytes = 0;
	stack = symbol_stack_give_up(placed(files, 1), &pool);
	assert_site(stack, 1);
	assert_true(pool.frame_bytes > 0);
	symbol_stack_free(stack, &pool);
	assert_int_equal(pool.frame_bytes, 0);
	symbol_files_free(files);
}

static void libc_is_no_site_of_its_own(void **state)
{
	const struct call_frame frames[] = {
		{.ip = 1, .function = "__libc_connect", .module = LIBC}, {.ip = 0x5555}, {.ip = 9}};
	const struct call_stack stack = {.frames = frames, .count = 3, .how = STACK_CONNECT};
	char text[CALL_SITE_TEXT_LEN];

	(void)state;
	assert_ptr_equal(call_site_frame(&stack), &frames[1]);
	assert_string_equal(call_site_format(&stack, text), "connected at 0x5555");
}

/* Executable mappings of a file with a path of some 2,500 bytes. */
static void map_many(void)
{
	char path[4096] = "/tmp/tcpwatch-jail-maps";
	size_t length = strlen(path);

	for (int i = 0; i < FOLDER_DEPTH; i++) {
		mkdir(path, 0700);
		path[length++] = '/';
		memset(path + length, 'a' + i, 200);
		length += 200;
		path[length] = '\0';
	}
	for (int i = 0; i < MANY; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		/* Alternating offsets, so that the kernel does not join the mappings. */
		if (fd < 0 || ftruncate(fd, 8192) ||
		    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, i % 2 * 4096) ==
			    MAP_FAILED)
			_exit(EXIT_FAILURE);
		close(fd);
	}
}

static void remove_many(void)
{
	assert_int_equal(system("rm -rf /tmp/tcpwatch-jail-maps"), 0);
}

static void thousands_of_mappings(void **state)
{
	struct symbol_files *files = symbol_files_new();
	struct address_spaces *spaces = address_spaces_new(files);
	const uint64_t frames[] = {(uint64_t)(uintptr_t)&map_many + 1,
				   (uint64_t)(uintptr_t)&memcpy + 1};
	const struct address_space *space;
	struct event_task child = {0};
	int ready[2], err;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child.tgid = (uint32_t)fork();
	if (!child.tgid) {
		map_many();
		byte = 1;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(EXIT_FAILURE);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	child = stack_of_process(child.tgid).task;
	err = address_spaces_read(spaces, &child, 1, frames, ARRAY_SIZE(frames));
	kill((pid_t)child.tgid, SIGKILL);
	waitpid((pid_t)child.tgid, NULL, 0);
	remove_many();
	assert_int_equal(err, 0);
	space = address_spaces_find(spaces, &child, 1);
	assert_non_null(space);
	assert_true(symbol_maps_bytes(space->maps) <= ADDRESS_SPACE_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		assert_non_null(symbol_maps_find(space->maps, frames[i] - 1));
	address_spaces_free(spaces);
	symbol_files_free(files);
}

/* Even the mappings of 64 frames can be too much. They are refused then. */
static void frames_in_long_paths(void **state)
{
	struct symbol_maps maps;
	uint64_t frames[64];
	char *text = malloc(4 << 20), *at = text;

	(void)state;
	assert_non_null(text);
	for (uint32_t i = 0; i < 1000; i++)
		at += sprintf(at, "%x-%x r-xp 00000000 08:01 %u /%04u%02000u\n", 0x10000 * (i + 1),
			      0x10000 * (i + 1) + 0x1000, i + 1, i, i);
	assert_int_equal(symbol_maps_parse(&maps, text, (size_t)(at - text)), 0);
	free(text);
	assert_int_equal(maps.count, 1000);
	assert_true(symbol_maps_bytes(&maps) > 2000000);
	for (uint32_t i = 0; i < 64; i++)
		frames[i] = 0x10000ULL * (i * 7 + 1) + (i % 2 ? 1 : 0x1000);
	symbol_maps_keep(&maps, frames, 64);
	assert_int_equal(maps.count, 64);
	for (uint32_t i = 0; i < 64; i++) {
		const struct symbol_map *map = symbol_maps_find(&maps, frames[i] - 1);

		assert_non_null(map);
		assert_int_equal(map->inode, i * 7 + 1);
		assert_int_equal(strlen(symbol_maps_path(&maps, map)), 2005);
	}
	assert_true(symbol_maps_bytes(&maps) < 64 * (2006 + sizeof(struct symbol_map)) + 1);
	symbol_maps_keep(&maps, frames, 0);
	assert_int_equal(symbol_maps_bytes(&maps), 0);
	symbol_maps_clear(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_programs),
		cmocka_unit_test(too_many_programs_at_once),
		cmocka_unit_test(no_room_for_names),
		cmocka_unit_test(no_room_for_frames),
		cmocka_unit_test(libc_is_no_site_of_its_own),
		cmocka_unit_test(thousands_of_mappings),
		cmocka_unit_test(frames_in_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
