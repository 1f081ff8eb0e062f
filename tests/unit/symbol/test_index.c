// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbol/frames.h"
#include "symbol/index.h"

static uint64_t value_at(const struct symbol_index *index, uint64_t address)
{
	const struct symbol_range *range = symbol_index_find(index, address);

	return range ? range->value : 0;
}

static void finds_the_nearest_that_has_it(void **state)
{
	struct symbol_index index = {0};

	(void)state;
	assert_int_equal(value_at(&index, 0), 0);
	symbol_index_add(&index, 0x300, 0x300, 5); /* no length: up to the next */
	symbol_index_add(&index, 0x100, 0x200, 1);
	symbol_index_add(&index, 0x140, 0x150, 2);
	symbol_index_add(&index, 0x140, 0x150, 3); /* another name of it */
	symbol_index_add(&index, 0x400, 0x100, 7); /* ends before it begins */
	symbol_index_seal(&index);
	assert_int_equal(value_at(&index, 0xff), 0);
	assert_int_equal(value_at(&index, 0x100), 1);
	assert_int_equal(value_at(&index, 0x13f), 1);
	assert_int_equal(value_at(&index, 0x140), 2);
	assert_int_equal(value_at(&index, 0x150), 1);
	assert_int_equal(value_at(&index, 0x200), 0);
	assert_int_equal(value_at(&index, 0x300), 5);
	assert_int_equal(value_at(&index, 0x3ff), 5);
	assert_int_equal(value_at(&index, 0x400), 7);
	assert_int_equal(value_at(&index, 0x401), 0);
	assert_int_equal(value_at(&index, UINT64_MAX), 0);
	symbol_index_clear(&index);
}

static void many(void **state)
{
	struct symbol_index index = {0};

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t place = (i * 7919) % 100000;

		assert_int_equal(symbol_index_add(&index, place * 16, place * 16 + 8, place + 1),
				 0);
	}
	symbol_index_seal(&index);
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(value_at(&index, i * 16 + 7), i + 1);
		assert_int_equal(value_at(&index, i * 16 + 8), 0);
	}
	symbol_index_clear(&index);
}

static enum unwind_kind kind_of(void *context, uint64_t ip)
{
	(void)context;
	return ip & 0xf ? UNWIND_STACK : UNWIND_FRAME;
}

static bool is_code(void *context, uint64_t ip)
{
	(void)context;
	return ip >= 0x1000;
}

static void frames_end_where_code_does(void **state)
{
	static const struct symbol_cfi_rules rules = {kind_of, is_code, NULL};
	bool gap = true;

	(void)state;
	assert_int_equal(symbol_cfi_check((uint64_t[]){1}, 1, &rules, &gap), 1);
	assert_false(gap);
	/* The first has none, as always; the last's caller is nobody's business. */
	assert_int_equal(symbol_cfi_check((uint64_t[]){0x1001, 0x2000, 0x3001}, 3, &rules, &gap),
			 3);
	assert_false(gap);
	assert_int_equal(
		symbol_cfi_check((uint64_t[]){0x1000, 0x2001, 0x3000, 7, 0x4000}, 5, &rules, &gap),
		3);
	assert_true(gap);
	assert_int_equal(symbol_cfi_check(NULL, 0, &rules, &gap), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_nearest_that_has_it),
		cmocka_unit_test(many),
		cmocka_unit_test(frames_end_where_code_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
