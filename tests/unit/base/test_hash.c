// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

#define BUCKETS 1024

/* So many keys of so many bytes, which count up in the byte `at`, and in the next one. */
static uint32_t fullest_bucket(uint32_t keys, size_t length, size_t at)
{
	uint32_t counts[BUCKETS] = {0}, most = 0;
	unsigned char key[80] = {0};

	for (uint32_t i = 0; i < keys; i++) {
		uint32_t *count;

		key[at] = (unsigned char)i;
		if (at + 1 < length)
			key[at + 1] = (unsigned char)(i >> 8);
		count = &counts[hash_bytes(key, length) % BUCKETS];
		if (++*count > most)
			most = *count;
	}
	return most;
}

/* Four keys a bucket on average. */
static void keys_that_count_up_are_spread(void **state)
{
	(void)state;
	for (size_t length = 2; length <= 80; length++)
		for (size_t at = 0; at + 1 < length; at++)
			assert_in_range(fullest_bucket(4 * BUCKETS, length, at), 4, 24);
}

static void every_byte_and_the_length_count(void **state)
{
	unsigned char key[80] = {0};

	(void)state;
	for (size_t length = 0; length < sizeof(key); length++) {
		uint32_t hash = hash_bytes(key, length);

		assert_int_not_equal(hash, hash_bytes(key, length + 1));
		for (size_t i = 0; i < length; i++) {
			key[i] = 1;
			assert_int_not_equal(hash, hash_bytes(key, length));
			key[i] = 0;
		}
	}
}

/* A key on the heap of just its size: the sanitizers see who looks behind it. */
static void no_byte_more_is_read(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 17; length++) {
		unsigned char *key = calloc(1, length);

		assert_non_null(key);
		hash_bytes(key, length);
		free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_count_up_are_spread),
		cmocka_unit_test(every_byte_and_the_length_count),
		cmocka_unit_test(no_byte_more_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
