// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbol/cfi.h"

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
	/* Neither the innermost frame nor the outermost one makes a gap. */
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
		cmocka_unit_test(frames_end_where_code_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
