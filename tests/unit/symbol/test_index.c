// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

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
	symbol_index_add(&index, 0x300, 0x300,
			 5); /* without a length: reaches up to the next one */
	symbol_index_add(&index, 0x100, 0x200, 1);
	symbol_index_add(&index, 0x140, 0x150, 2);
	symbol_index_add(&index, 0x140, 0x150, 3); /* another name at the same place */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_nearest_that_has_it),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
