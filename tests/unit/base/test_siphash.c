// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

static const uint64_t key[2] = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

/* The example of the paper, appendix A: the bytes 0 to 14. */
static void example_of_the_paper(void **state)
{
	unsigned char text[15];

	(void)state;
	for (unsigned char i = 0; i < sizeof(text); i++)
		text[i] = i;
	assert_true(siphash(key, text, sizeof(text)) == 0xa129ca6149be45e5ULL);
}

static void key_text_and_length_count(void **state)
{
	static const uint64_t other[2] = {1, 2};
	const char text[16] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		assert_true(siphash(key, text, i) != siphash(key, text, i + 1));
		assert_true(siphash(key, text, i) != siphash(other, text, i));
	}
	assert_true(siphash(key, "abcdefgh", 8) != siphash(key, "abcdefgi", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_paper),
		cmocka_unit_test(key_text_and_length_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
