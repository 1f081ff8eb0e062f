// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/name.h"

static void names_as_in_the_source(void **state)
{
	static const char *const pairs[][2] = {
		{"main", "main"},
		{"", ""},
		{"_ZN3net4PoolIlE4takeEl", "net::Pool<long>::take(long)"},
		{"_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE",
		 "core::ops::function::FnOnce::call_once"},
		{"_ZN44_$LT$std..net..Tcp$u20$as$u20$core..Drop$GT$4drop17h00000000000000aaE",
		 "<std::net::Tcp as core::Drop>::drop"},
		{"main.(*Server).handle", "main.(*Server).handle"},
		{"accept@@GLIBC_2.2.5", "accept"},
		{"connect@GLIBC_2.2.5", "connect"},
		{"a@b", "a@b"},
		{"handle_conn.isra.0", "handle_conn"},
		{"handle_conn.constprop.1.isra.0", "handle_conn"},
		{"main.isra.x", "main.isra.x"},
		{"_Znonsense", "_Znonsense"},
		{"_Z", "_Z"},
	};
	char name[SYMBOL_NAME_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		symbol_name_write(name, pairs[i][0]);
		assert_string_equal(name, pairs[i][1]);
	}
}

static void long_names_are_cut(void **state)
{
	static char mangled[5000];
	char name[SYMBOL_NAME_LEN];

	(void)state;
	memset(mangled, 'x', sizeof(mangled) - 1);
	symbol_name_write(name, mangled);
	assert_int_equal(strlen(name), SYMBOL_NAME_LEN - 1);
	memcpy(mangled, "_Z", 2);
	symbol_name_write(name, mangled);
	assert_int_equal(strlen(name), SYMBOL_NAME_LEN - 1);
}

static void knows_starts(void **state)
{
	(void)state;
	assert_true(symbol_name_is_start("main"));
	assert_true(symbol_name_is_start("runtime.goexit.abi0"));
	assert_false(symbol_name_is_start("main.main"));
	assert_false(symbol_name_is_start(""));
	assert_true(symbol_module_is_start("/usr/lib/x86_64-linux-gnu/libc.so.6"));
	assert_true(symbol_module_is_start("/lib/ld-musl-x86_64.so.1"));
	assert_false(symbol_module_is_start("/usr/lib/libcurl.so.4"));
	assert_false(symbol_module_is_start("/libc.so.6/program"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_as_in_the_source),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(knows_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
