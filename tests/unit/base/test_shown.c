// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/shown.h"

static void check(const char *value, const char *wanted)
{
	char text[SHOWN_LEN];

	assert_string_equal(shown(value, strlen(value), text), wanted);
}

static void plain_text_stays(void **state)
{
	(void)state;
	check("", "");
	check("nginx -g 'daemon off;'", "nginx -g 'daemon off;'");
	check("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7");
}

static void what_a_terminal_must_not_get_becomes_a_question_mark(void **state)
{
	(void)state;
	check("a\n\033[31mb\x7f", "a??[31mb?");
	check("\xc2\x9b"
	      "31m",
	      "?31m");		   /* C1: CSI in one character */
	check("a\xff\xc3", "a??"); /* no UTF-8, and half a sequence */
	check("a\xe2\x80\xae"
	      "b\xe2\x80\x8b",
	      "a?b?"); /* right-to-left override, zero width space */
}

static void only_so_many_bytes_are_looked_at(void **state)
{
	char text[SHOWN_LEN];

	(void)state;
	assert_string_equal(shown("80,443", 2, text), "80");
	assert_string_equal(shown("a\xc3\xa4", 2, text), "a?");
	assert_string_equal(shown("x", 0, text), "");
}

static void long_text_is_cut_between_characters(void **state)
{
	char value[2 * SHOWN_MAX], text[SHOWN_LEN], wanted[SHOWN_LEN];

	(void)state;
	memset(value, 'a', sizeof(value));
	value[SHOWN_MAX] = '\0';
	check(value, value);
	value[SHOWN_MAX] = 'a';
	memset(wanted, 'a', SHOWN_MAX);
	memcpy(wanted + SHOWN_MAX, "...", 4);
	assert_string_equal(shown(value, SHOWN_MAX + 1, text), wanted);
	/* A euro sign that would need one byte more than there is room for. */
	memcpy(value + SHOWN_MAX - 2, "\xe2\x82\xac", 4);
	memcpy(wanted + SHOWN_MAX - 2, "...", 4);
	check(value, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(what_a_terminal_must_not_get_becomes_a_question_mark),
		cmocka_unit_test(only_so_many_bytes_are_looked_at),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
