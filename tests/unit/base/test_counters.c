// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <malloc.h>

#include "base/counters.h"

static size_t used_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void none_are_zero(void **state)
{
	(void)state;
	assert_int_equal(counters_get(NULL, 0), 0);
	assert_int_equal(counters_get(NULL, COUNTERS_MAX - 1), 0);
	assert_int_equal(counters_next(NULL, 0), COUNTERS_MAX);
	counters_free(NULL);
}

/* Adding 0 makes no counter. */
static void nothing_added_is_nothing(void **state)
{
	struct counters *counters = NULL;

	(void)state;
	assert_true(counters_add(&counters, 7, 0));
	assert_null(counters);
	assert_true(counters_merge(&counters, NULL));
	assert_null(counters);
	assert_true(counters_add(&counters, 7, 3));
	assert_true(counters_add(&counters, 8, 0));
	assert_int_equal(counters_next(counters, 8), COUNTERS_MAX);
	counters_free(counters);
}

static void check_same(const struct counters *counters, const uint64_t *want)
{
	size_t next = 0;

	for (size_t i = 0; i < COUNTERS_MAX; i++) {
		assert_int_equal(counters_get(counters, i), want[i]);
		if (!want[i])
			continue;
		assert_int_equal(counters_next(counters, next), i);
		assert_int_equal(counters_next(counters, i), i);
		next = i + 1;
	}
	assert_int_equal(counters_next(counters, next), COUNTERS_MAX);
}

/* Against an array, in any order, from one counter to all of them. */
static void they_count_as_an_array_does(void **state)
{
	(void)state;
	for (int turn = 0; turn < 200; turn++) {
		uint64_t want[COUNTERS_MAX] = {0};
		struct counters *counters = NULL;
		size_t range = 1 + random_below(COUNTERS_MAX), count = random_below(2000);

		for (size_t i = 0; i < count; i++) {
			size_t number = random_below(range);
			uint64_t add = random64() >> random_below(64);

			want[number] += add;
			assert_true(counters_add(&counters, number, add));
		}
		check_same(counters, want);
		counters_free(counters);
	}
}

static void all_can_be_used_from_the_last_to_the_first(void **state)
{
	uint64_t want[COUNTERS_MAX] = {0};
	struct counters *counters = NULL;

	(void)state;
	for (size_t i = COUNTERS_MAX; i-- > 0;) {
		want[i] = i + 1;
		assert_true(counters_add(&counters, i, i + 1));
	}
	check_same(counters, want);
	counters_free(counters);
}

static void merged_ones_are_sums(void **state)
{
	(void)state;
	for (int turn = 0; turn < 100; turn++) {
		uint64_t want[COUNTERS_MAX] = {0}, before[COUNTERS_MAX] = {0};
		struct counters *to = NULL, *from = NULL;

		for (size_t i = 0, count = random_below(300); i < count; i++) {
			size_t number = random_below(COUNTERS_MAX);
			struct counters **one = i % 2 ? &to : &from;

			want[number]++;
			before[number] += one == &from;
			assert_true(counters_add(one, number, 1));
		}
		assert_true(counters_merge(&to, from));
		check_same(to, want);
		check_same(from, before);
		counters_free(to);
		counters_free(from);
	}
}

/* As many as a state has buckets with samples in a process that had few connections. */
static void a_few_are_small(void **state)
{
	struct counters *counters = NULL;
	size_t before = used_bytes();

	(void)state;
	for (size_t i = 0; i < 3; i++)
		counters_add(&counters, i * 100, 1);
	/* The sanitizers' allocator does not say what it uses. */
	if (used_bytes() != before)
		assert_in_range(used_bytes() - before, 1, 112);
	counters_free(counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_are_zero),
		cmocka_unit_test(nothing_added_is_nothing),
		cmocka_unit_test(they_count_as_an_array_does),
		cmocka_unit_test(all_can_be_used_from_the_last_to_the_first),
		cmocka_unit_test(merged_ones_are_sums),
		cmocka_unit_test(a_few_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
