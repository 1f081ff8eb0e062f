// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define NS_PER_DAY	  (86400 * NS_PER_S)
#define UNTOUCHED	  0xdeadbeefULL

struct number {
	const char *text;
	uint64_t value;
};

typedef int (*parser)(const char *text, uint64_t *value);

static void check_good(parser parse, const struct number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int err = parse(numbers[i].text, &value);

		if (err || value != numbers[i].value)
			fail_msg("'%s' gave %d, %llu", numbers[i].text, err,
				 (unsigned long long)value);
	}
}

static void check_bad(parser parse, int wanted, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int err = parse(texts[i], &value);

		if (err != wanted || value != UNTOUCHED)
			fail_msg("'%s' gave %d, %llu", texts[i], err, (unsigned long long)value);
	}
}

static void duration_parse_takes_every_unit(void **state)
{
	static const struct number numbers[] = {
		{"0", 0},
		{"10", 10 * NS_PER_S},
		{"7ns", 7},
		{"7us", 7 * NS_PER_US},
		{"7ms", 7 * NS_PER_MS},
		{"7s", 7 * NS_PER_S},
		{"7m", 7 * 60 * NS_PER_S},
		{"7h", 7 * 3600 * NS_PER_S},
		{"7d", 7 * NS_PER_DAY},
		{"007s", 7 * NS_PER_S},
		{"00000000000000000000000000000001ns", 1},
	};

	(void)state;
	check_good(duration_parse, numbers, ARRAY_SIZE(numbers));
}

static void duration_parse_keeps_fractions_exact(void **state)
{
	static const struct number numbers[] = {
		{"0.1", 100 * NS_PER_MS},
		{"1.5s", 1500 * NS_PER_MS},
		{".5s", 500 * NS_PER_MS},
		{"0.3us", 300},
		{"2.25h", 8100 * NS_PER_S},
		{"1.000000001s", NS_PER_S + 1},
		{"0.123456789123456789s", 123456789},
		{"0.9999999999999999999999999999999999999999s", NS_PER_S - 1},
		{"0.00000000000001d", 0},
		{"0.00000000000002d", 1},
		{"1.9ns", 1},
	};

	(void)state;
	check_good(duration_parse, numbers, ARRAY_SIZE(numbers));
}

static void duration_parse_refuses_what_is_none(void **state)
{
	static const char *const texts[] = {
		"",	 " ",	     "s",     ".",	  ".s",
		"5.",	 "5.s",	     "1.2.3", "-1",	  "+1",
		" 1",	 "1 ",	     "1 s",   "1S",	  "1M",
		"1H",	 "1sec",     "1ss",   "1e3",	  "1e3s",
		"0x10",	 "inf",	     "nan",   "1n",	  "1u",
		"1m30s", "5parsecs", "1,5s",  "1s\n",	  "1\xc2\xb5s",
		"--5",	 "1w",	     "1y",    "infinity", "99999999999999999999parsecs",
	};

	(void)state;
	check_bad(duration_parse, -EINVAL, texts, ARRAY_SIZE(texts));
}

static void duration_parse_ends_at_100_years(void **state)
{
	static const struct number numbers[] = {
		{"36525d", 36525 * NS_PER_DAY},
		{"3155760000s", 36525 * NS_PER_DAY},
		{"3155760000000000000ns", 36525 * NS_PER_DAY},
	};
	static const char *const texts[] = {
		"36526d",
		"36525.1d",
		"3155760001",
		"3155760000.1",
		"3155760000000000001ns",
		"18446744073709551615",
		"18446744073709551616ns",
		"18446744073709551617d",
		"99999999999999999999999999999999999999999999999999999h",
	};

	(void)state;
	check_good(duration_parse, numbers, ARRAY_SIZE(numbers));
	check_bad(duration_parse, -ERANGE, texts, ARRAY_SIZE(texts));
}

static void size_parse_takes_powers_of_1024(void **state)
{
	static const struct number numbers[] = {
		{"0", 0},
		{"4096", 4096},
		{"4K", 4096},
		{"16M", 16ULL << 20},
		{"1G", 1ULL << 30},
		{"17179869183G", 17179869183ULL << 30},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const none[] = {"",	  "K",	 "4k", "4KB", "4KiB", "4.5K", "-4",  "+4",
					   " 4K", "4 K", "4T", "0x4", "4e3",  "4M4",  "4K\n"};
	static const char *const too_big[] = {"18446744073709551616", "17179869184G",
					      "99999999999999999999999999K"};

	(void)state;
	check_good(size_parse, numbers, ARRAY_SIZE(numbers));
	check_bad(size_parse, -EINVAL, none, ARRAY_SIZE(none));
	check_bad(size_parse, -ERANGE, too_big, ARRAY_SIZE(too_big));
}

static void duration_format_writes_three_digits(void **state)
{
	static const struct number numbers[] = {
		{"0ns", 0},
		{"1ns", 1},
		{"812ns", 812},
		{"999ns", 999},
		{"1.00us", 1000},
		{"4.21us", 4210},
		{"4.21us", 4214},
		{"4.22us", 4215},
		{"9.99us", 9994},
		{"10.0us", 9995},
		{"99.9us", 99949},
		{"100us", 99950},
		{"999us", 999499},
		{"1.00ms", 999500},
		{"37.0ms", 37 * NS_PER_MS},
		{"999ms", 999499999},
		{"1.00s", 999500000},
		{"1.53s", 1530 * NS_PER_MS},
		{"10.0s", 10 * NS_PER_S},
		{"99.9s", 99949 * NS_PER_MS},
	};
	char text[DURATION_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_string_equal(duration_format(numbers[i].value, text), numbers[i].text);
}

static void duration_format_writes_parts_above_100_s(void **state)
{
	static const struct number numbers[] = {
		{"1m40s", 99950 * NS_PER_MS},
		{"1m40s", 100 * NS_PER_S},
		{"3m10s", 190 * NS_PER_S},
		{"3m05s", 185 * NS_PER_S},
		{"59m59s", 3599 * NS_PER_S},
		{"1h00m", 3599 * NS_PER_S + 500 * NS_PER_MS},
		{"2h05m", (2 * 60 + 5) * 60 * NS_PER_S},
		{"23h59m", (24 * 60 - 1) * 60 * NS_PER_S},
		{"1d00h", NS_PER_DAY - 1},
		{"3d04h", (3 * 24 + 4) * 3600 * NS_PER_S},
		{"999d23h", 1000 * NS_PER_DAY - 3600 * NS_PER_S},
		{"1000d", 1000 * NS_PER_DAY - 1},
		{"36525d", 36525 * NS_PER_DAY},
		{"213504d", UINT64_MAX},
	};
	char text[DURATION_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_string_equal(duration_format(numbers[i].value, text), numbers[i].text);
}

/* Reads "3m10s" and the like, which duration_parse() refuses. */
static double seconds_of(const char *text)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
		     {"m", 60},	   {"h", 3600},	 {"d", 86400}};
	double sum = 0;

	while (*text) {
		char *name;
		double number = strtod(text, &name);
		size_t length = strspn(name, "numshd");
		size_t i = 0;

		assert_true(name > text);
		while (strlen(units[i].name) != length || strncmp(units[i].name, name, length)) {
			i++;
			assert_true(i < ARRAY_SIZE(units));
		}
		sum += number * units[i].seconds;
		text = name + length;
	}
	return sum;
}

/* Half of the last digit, where it matters most: at 1.00s, 1h00m, 1d00h. */
static double worst_error(double seconds)
{
	if (seconds < 100)
		return 0.5 / 100;
	return seconds < 86000 ? 0.5 / 60 : 0.5 / 24;
}

static void duration_format_is_short_and_near(void **state)
{
	char text[DURATION_TEXT_LEN];

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		uint64_t bits =
			(uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
		uint64_t ns = bits >> (random() % 64);
		double seconds = (double)ns / 1e9;

		assert_ptr_equal(duration_format(ns, text), text);
		if (strlen(text) > 7)
			fail_msg("%llu gave %s", (unsigned long long)ns, text);
		if (fabs(seconds_of(text) - seconds) > seconds * worst_error(seconds) + 1e-12)
			fail_msg("%llu gave %s", (unsigned long long)ns, text);
	}
}

static void duration_format_and_parse_agree(void **state)
{
	char text[DURATION_TEXT_LEN];

	(void)state;
	for (uint64_t ns = 1; ns < 99 * NS_PER_S; ns += ns / 3 + 1) {
		uint64_t parsed = 0;
		uint64_t off;

		assert_int_equal(duration_parse(duration_format(ns, text), &parsed), 0);
		off = parsed > ns ? parsed - ns : ns - parsed;
		if (off > ns / 200)
			fail_msg("%llu gave %s", (unsigned long long)ns, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration_parse_takes_every_unit),
		cmocka_unit_test(duration_parse_keeps_fractions_exact),
		cmocka_unit_test(duration_parse_refuses_what_is_none),
		cmocka_unit_test(duration_parse_ends_at_100_years),
		cmocka_unit_test(size_parse_takes_powers_of_1024),
		cmocka_unit_test(duration_format_writes_three_digits),
		cmocka_unit_test(duration_format_writes_parts_above_100_s),
		cmocka_unit_test(duration_format_is_short_and_near),
		cmocka_unit_test(duration_format_and_parse_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
