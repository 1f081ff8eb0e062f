// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

static void names_of_rust(void **state)
{
	static const char *const pairs[][2] = {
		{"_RNvNtNtCsjrHSEGnQ3l9_3std3net3tcp7connect", "std::net::tcp::connect"},
		{"_RNvMs_NtNtCsjrHSEGnQ3l9_3std3net3tcpNtB4_9TcpStream7connect",
		 "<std::net::tcp::TcpStream>::connect"},
		{"_RNvXCs1_4acmeNtB2_4PoolNtNtCs2_4core3ops4Drop4drop",
		 "<acme::Pool as core::ops::Drop>::drop"},
		{"_RNvYNtCs1_4acme4PoolNtCs1_4acme4Keep4keep", "<acme::Pool as acme::Keep>::keep"},
		{"_RNCNvCs1_4acme4main0", "acme::main::{closure#0}"},
		{"_RNCNvCs1_4acme4mains_0", "acme::main::{closure#1}"},
		{"_RNSNvCs1_4acme4main6vtable", "acme::main::{shim:vtable#0}"},
		{"_RINvCs1_4acme4takeReTmuEECs1_3bin", "acme::take::<&str, (u32, ())>"},
		{"_RINvCs1_4acme4takeTmERL0_QhKj1f_E", NULL}, /* a lifetime that nothing binds */
		{"_RINvCs1_4acme4takeTmEQhKj1f_E", "acme::take::<(u32,), &mut u8, 31>"},
		{"_RINvCs1_4acme4takeAhj40_SbE", "acme::take::<[u8; 64], [bool]>"},
		{"_RINvCs1_4acme4takeFG_UKCRL0_hEuE",
		 "acme::take::<for<'a> unsafe extern \"C\" fn(&'a u8)>"},
		{"_RINvCs1_4acme4takeDNtCs2_4core4SendEL_E", "acme::take::<dyn core::Send>"},
		{"_RINvCs1_4acme4takeDINtCs2_4core2FnTmEEp6OutputbEL_E",
		 "acme::take::<dyn core::Fn<(u32,), Output = bool>>"},
		{"_RINvCs1_4acme4takeKb1_Kc61_Kln5_Kh0_KRe616263_E",
		 "acme::take::<true, 'a', -5, 0, \"abc\">"},
		{"_RINvCs1_4acme4takeKonfffffffffffffffffff_E",
		 "acme::take::<-0xfffffffffffffffffff>"},
		{"_RNvCs1_4acmeu8gdel_5qa", "acme::g\u00f6del"},
		{"_RNvC4acmeu3ABC", "acme::punycode{ABC}"},
		{"_RNvC6_123foo3bar.llvm.9D1C9369", "123foo::bar"},
		{"_RNvC4acme4cold.cold", "acme::cold"},
		{"_R", NULL},
		{"_RNvC4acme", NULL},
		{"_RNvC4acme4takeX", NULL},
		{"_RNvC99999999999999999999994acme4take", NULL},
		{"_RNvCszzzzzzzzzzzzzzzzzzzz_4acme4take", NULL},
		{"_RNvB_4take", NULL},
		{"_Read_all", NULL},
	};
	char name[SYMBOL_NAME_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		symbol_name_write(name, pairs[i][0]);
		assert_string_equal(name, pairs[i][1] ? pairs[i][1] : pairs[i][0]);
	}
}

static double milliseconds_of(char name[SYMBOL_NAME_LEN], const char *mangled)
{
	struct timespec before, after;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	symbol_name_write(name, mangled);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) * 1e3 +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e6;
}

/* Each tuple has two of the tuple before: a name of 300 bytes stands for 2^20 types. `start` opens
 * a list of types. */
static void make_doubling(char *mangled, const char *start)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t before = strlen(start) - 2;

	strcpy(mangled, start);
	strcat(mangled, "TuuE");
	for (int i = 0; i < 30; i++) {
		char *end = mangled + strlen(mangled);
		size_t here = (size_t)(end - mangled) - 2, number = before - 1;
		char place[4] = {digits[number / 62], digits[number % 62], '_', '\0'};

		sprintf(end, "TB%sB%sE", number < 62 ? place + 1 : place,
			number < 62 ? place + 1 : place);
		before = here;
	}
	strcat(mangled, "E");
}

static void hostile_names_of_rust(void **state)
{
	static char mangled[5000];
	char name[SYMBOL_NAME_LEN];

	(void)state;
	make_doubling(mangled, "_RINvC1a1b");
	assert_true(milliseconds_of(name, mangled) < 1000);
	assert_int_equal(strlen(name), SYMBOL_NAME_LEN - 1);
	assert_memory_equal(name, "a::b::<((), ()), (((), ()), ((), ()))", 37);
	/* Nothing is written of the path of an impl, so that only the steps have a limit. */
	make_doubling(mangled, "_RNvMINvC1a1b");
	strcat(mangled, "u1c");
	assert_true(milliseconds_of(name, mangled) < 1000);
	assert_true(milliseconds_of(name, "_RNvMIC1aFGzzzzzzzzzz_EuEu1c") < 1000);
	assert_string_equal(name, "_RNvMIC1aFGzzzzzzzzzz_EuEu1c");
	/* Deeper than any stack may go. */
	memset(mangled, 'R', sizeof(mangled) - 1);
	memcpy(mangled, "_RINvC1a1b", 10);
	assert_true(milliseconds_of(name, mangled) < 1000);
	assert_memory_equal(name, mangled, SYMBOL_NAME_LEN - 1);
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
		cmocka_unit_test(names_as_in_the_source), cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(names_of_rust),	  cmocka_unit_test(hostile_names_of_rust),
		cmocka_unit_test(knows_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
