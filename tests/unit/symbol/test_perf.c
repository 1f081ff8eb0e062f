// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/perf.h"

static struct symbol_perf parse(const char *text)
{
	struct symbol_perf perf;

	assert_int_equal(symbol_perf_parse(&perf, strdup(text), strlen(text)), 0);
	return perf;
}

static void assert_name(const struct symbol_perf *perf, uint64_t address, const char *name,
			uint64_t wanted)
{
	uint64_t start = 0;
	const char *found = symbol_perf_find(perf, address, &start);

	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_int_equal(start, wanted);
}

static void names_by_address(void **state)
{
	struct symbol_perf perf = parse("7f00 10 py::handle:/srv/app.py\n"
					"0x7f10 0x20 LazyCompile:*on (net.js:7)\n"
					"A000 1 one\n");

	(void)state;
	assert_name(&perf, 0x7eff, NULL, 0);
	assert_name(&perf, 0x7f00, "py::handle:/srv/app.py", 0x7f00);
	assert_name(&perf, 0x7f0f, "py::handle:/srv/app.py", 0x7f00);
	assert_name(&perf, 0x7f2f, "LazyCompile:*on (net.js:7)", 0x7f10);
	assert_name(&perf, 0x7f30, NULL, 0);
	assert_name(&perf, 0xa000, "one", 0xa000);
	symbol_perf_clear(&perf);
}

static void what_was_written_last_counts(void **state)
{
	struct symbol_perf perf = parse("1000 100 old\n1000 100 new\n1080 10 inner\n");

	(void)state;
	assert_name(&perf, 0x1000, "new", 0x1000);
	assert_name(&perf, 0x1085, "inner", 0x1080);
	assert_name(&perf, 0x10ff, "new", 0x1000);
	symbol_perf_clear(&perf);
}

static void leaves_out_nonsense(void **state)
{
	struct symbol_perf perf = parse("\n \nx y z\n1000\n1000 10\n1000 0 empty\n"
					"fffffffffffffff0 100 over the end\n"
					"11112222333344445 1 too long\n"
					"2000 10 good\n3000 10 no end");

	(void)state;
	assert_int_equal(perf.index.count, 1);
	assert_name(&perf, 0x2000, "good", 0x2000);
	symbol_perf_clear(&perf);
	perf = parse("");
	assert_name(&perf, 0, NULL, 0);
	symbol_perf_clear(&perf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_by_address),
		cmocka_unit_test(what_was_written_last_counts),
		cmocka_unit_test(leaves_out_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
