// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which stacks share their names: those whose names are made of the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/shared_names.h"

#define PROGRAM_AT 0x400000
#define LIBC_AT	   0x7f0000000000

static struct symbol_request request;
static struct stat whats[SYMBOL_REQUEST_FILES];
static struct symbol_key key;

/* A program that calls libc, loaded at this distance from where it would be otherwise. */
static void prepare(uint64_t distance)
{
	static const char paths[] = "/srv/job\0/lib/libc.so.6";

	memset(&request, 0, sizeof(request));
	memset(whats, 0, sizeof(whats));
	request.frame_count = 2;
	request.map_count = request.file_count = 2;
	request.frames[0] = LIBC_AT + distance + 0x123;
	request.frames[1] = PROGRAM_AT + distance + 0x456;
	request.maps[0] = (struct symbol_request_map){LIBC_AT + distance,
						      LIBC_AT + distance + 0x10000, 0x2000, 1, 0};
	request.maps[1] = (struct symbol_request_map){
		PROGRAM_AT + distance, PROGRAM_AT + distance + 0x10000, 0x1000, 0, 0};
	request.has_fd[0] = request.has_fd[1] = true;
	memcpy(request.paths, paths, sizeof(paths));
	request.paths_len = sizeof(paths);
	whats[0].st_ino = 5;
	whats[1].st_ino = 6;
}

static const struct shared_names *find(struct shared_names_table *table, uint16_t how)
{
	symbol_key_make(&key, &request, how, whats);
	return shared_names_find(table, &key);
}

static void what_shares_and_what_does_not(void **state)
{
	struct shared_names_table table = {0};
	struct string_pool pool = {0};
	struct call_frame *frames = call_frames_new(2, &pool);
	const uint8_t places[] = {0, 1};
	const struct shared_names *names;

	(void)state;
	prepare(0);
	assert_null(find(&table, STACK_CONNECT));
	names = shared_names_add(&table, &key, frames, places, 2, false);
	assert_non_null(names);
	assert_null(shared_names_add(&table, &key, frames, places, 2, false));
	prepare(0x7000); /* another process */
	assert_ptr_equal(find(&table, STACK_CONNECT), names);
	shared_names_release(&table, names, &pool);
	assert_null(find(&table, STACK_ACCEPT));
#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		prepare(0x7000);                                                                   \
		change;                                                                            \
		assert_null(find(&table, STACK_CONNECT));                                          \
	} while (0)
	DIFFERS(request.frames[1]++);
	DIFFERS(request.frame_count--);
	DIFFERS(request.maps[1].offset += 0x1000);
	DIFFERS(request.paths[1] = 'S');
	DIFFERS(whats[0].st_ino++);
	DIFFERS(whats[0].st_dev++);
	DIFFERS(whats[0].st_size++);
	DIFFERS(whats[1].st_mtim.tv_nsec++);
	DIFFERS(whats[1].st_ctim.tv_sec++);
	/* What is not known in full is not shared at all. */
	DIFFERS(request.has_fd[1] = false);
	DIFFERS(request.maps[1].file = SYMBOL_NO_FILE);
	DIFFERS(request.frames[1] = 7);
	DIFFERS(request.frames[1] = 0);
	DIFFERS(request.has_perf = true);
	assert_int_equal(key.len, 0);
	assert_null(shared_names_add(&table, &key, frames, places, 2, false));
	assert_int_equal(shared_names_count(&table), 1);
	shared_names_release(&table, names, &pool);
	assert_int_equal(shared_names_count(&table), 0);
	assert_int_equal(pool.frame_bytes, 0);
}

/* The longest paths fit. */
static void long_paths(void **state)
{
	struct shared_names_table table = {0};

	(void)state;
	prepare(0);
	memset(request.paths, 'a', SYMBOL_PATHS_LEN);
	request.paths[SYMBOL_PATHS_LEN / 2] = request.paths[SYMBOL_PATHS_LEN - 1] = '\0';
	request.paths_len = SYMBOL_PATHS_LEN;
	assert_null(find(&table, STACK_CONNECT));
	assert_true(key.len > 0 && key.len <= sizeof(key.bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_shares_and_what_does_not),
		cmocka_unit_test(long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
