// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "base/utf8.h"

/* The length by value: decodes without checks, then checks that it was the shortest form of a code
 * point that exists. */
static size_t length_by_value(const unsigned char *s)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;
	size_t length;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc0 || s[0] > 0xf7)
		return 0;
	length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	code = s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static void check(const unsigned char *s)
{
	size_t got = utf8_sequence((const char *)s), wanted = length_by_value(s);

	if (got != wanted)
		fail_msg("%02x %02x %02x %02x: %zu, not %zu", s[0], s[1], s[2], s[3], got, wanted);
}

static void every_code_point_is_taken(void **state)
{
	(void)state;
	for (uint32_t code = 1; code <= 0x10ffff; code++) {
		unsigned char s[5] = {0};
		size_t length;

		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		for (size_t i = length - 1, rest = code; i; i--, rest >>= 6)
			s[i] = (unsigned char)(0x80 | (rest & 0x3f));
		s[0] = length == 1
			       ? (unsigned char)code
			       : (unsigned char)(0xf0 << (4 - length) | code >> 6 * (length - 1));
		if (utf8_sequence((const char *)s) != length)
			fail_msg("U+%04X is refused", code);
	}
}

/* All sequences of one to three bytes; of four bytes, the edges of the last two. */
static void every_sequence_is_judged_right(void **state)
{
	static const unsigned char edges[] = {0x01, 0x7f, 0x80, 0x81, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};

	(void)state;
	for (unsigned int a = 1; a < 256; a++) {
		check((const unsigned char[5]){(unsigned char)a});
		for (unsigned int b = 1; b < 256; b++) {
			check((const unsigned char[5]){(unsigned char)a, (unsigned char)b});
			for (unsigned int c = 1; c < 256; c++)
				check((const unsigned char[5]){(unsigned char)a, (unsigned char)b,
							       (unsigned char)c});
			for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
				for (size_t j = 0; j < ARRAY_SIZE(edges); j++)
					check((const unsigned char[5]){(unsigned char)a,
								       (unsigned char)b, edges[i],
								       edges[j]});
		}
	}
}

static void boundaries(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"", 1}, /* the 0 at the end is a byte of ASCII; callers check for it first */
		{"\x7f", 1},
		{"\xc2\x80", 2},
		{"\xdf\xbf", 2},
		{"\xe0\xa0\x80", 3},
		{"\xed\x9f\xbf", 3},
		{"\xee\x80\x80", 3},
		{"\xef\xbf\xbf", 3},
		{"\xf0\x90\x80\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\x80", 0},		 /* a tail alone */
		{"\xc0\x80", 0},	 /* overlong 0 */
		{"\xc1\xbf", 0},	 /* overlong 0x7f */
		{"\xe0\x9f\xbf", 0},	 /* overlong U+07FF */
		{"\xed\xa0\x80", 0},	 /* the first surrogate */
		{"\xed\xbf\xbf", 0},	 /* the last */
		{"\xf0\x8f\xbf\xbf", 0}, /* overlong U+FFFF */
		{"\xf4\x90\x80\x80", 0}, /* U+110000 */
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
		{"\xc3", 0}, /* cut off by the end */
		{"\xe2\x82", 0},
		{"\xf0\x9f\x98", 0},
		{"\xc3(", 0}, /* cut off by another character */
		{"\xe2\x82(", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (utf8_sequence(cases[i].text) != cases[i].length)
			fail_msg("case %zu gave %zu", i, utf8_sequence(cases[i].text));
}

/* Nothing may be read behind the end of a string that is cut off. On the heap the sanitizers see
 * it. */
static void nothing_behind_the_end_is_read(void **state)
{
	static const char *const cut[] = {"",	  "\xc3",     "\xe2",	     "\xe2\x82",
					  "\xf0", "\xf0\x9f", "\xf0\x9f\x98"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		char *copy = strdup(cut[i]);

		assert_int_equal(utf8_sequence(copy), i ? 0 : 1);
		free(copy);
	}
}

static void check_replaced(const char *text, size_t size, const char *wanted)
{
	char *exact = malloc(size ? size : 1), out[64];

	assert_non_null(exact);
	memcpy(exact, text, size);
	assert_int_equal(utf8_replace(exact, size, out), strlen(wanted));
	assert_string_equal(out, wanted);
	free(exact);
}

static void what_is_not_valid_is_replaced(void **state)
{
	(void)state;
	check_replaced("", 0, "");
	check_replaced("abc", 3, "abc");
	check_replaced("abc", 2, "ab");
	check_replaced("a\0b", 3, "a");
	check_replaced("\xc3\xbc", 2, "\xc3\xbc");
	check_replaced("\xc3\xbc", 1, "\xef\xbf\xbd");
	check_replaced("\xe2\x82-", 3, "\xef\xbf\xbd\xef\xbf\xbd-");
	check_replaced("a\xff\xf0\x9f\x98\x80", 6, "a\xef\xbf\xbd\xf0\x9f\x98\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_is_taken),
		cmocka_unit_test(every_sequence_is_judged_right),
		cmocka_unit_test(boundaries),
		cmocka_unit_test(nothing_behind_the_end_is_read),
		cmocka_unit_test(what_is_not_valid_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
