// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "base/trend.h"
#include "base/units.h"

#define S NS_PER_S

static void an_empty_one_knows_nothing(void **state)
{
	struct trend trend = {0};
	uint64_t over_ns = 1;

	(void)state;
	assert_true(trend_per_second(&trend, 60 * S, &over_ns) == 0);
	assert_int_equal(over_ns, 0);
	assert_false(trend_stayed(&trend, S, 0));
	trend_add(&trend, 100 * S, 7);
	assert_true(trend_per_second(&trend, 60 * S, &over_ns) == 0);
	assert_int_equal(over_ns, 0);
	assert_false(trend_stayed(&trend, S, 0));
	assert_true(trend_stayed(&trend, 0, 7));
}

static void it_is_by_first_and_last(void **state)
{
	struct trend trend = {0};
	uint64_t over_ns;

	(void)state;
	trend_add(&trend, 10 * S, 100);
	trend_add(&trend, 12 * S, 900);
	trend_add(&trend, 14 * S, 120);
	assert_true(trend_per_second(&trend, 60 * S, &over_ns) == 5);
	assert_int_equal(over_ns, 4 * S);
	assert_true(trend_per_second(&trend, 2 * S, &over_ns) == -390);
	assert_int_equal(over_ns, 2 * S);
	assert_true(trend_per_second(&trend, 1 * S, NULL) == 0);
}

/* However often values are added, a minute of them is kept, and the latest one. */
static void it_remembers_a_minute(void **state)
{
	static const uint64_t steps_ns[] = {S / 10, S / 2, S, 3 * S / 2, 2 * S};

	(void)state;
	for (size_t i = 0; i < sizeof(steps_ns) / sizeof(*steps_ns); i++) {
		struct trend trend = {0};
		uint64_t over_ns, time_ns;

		for (time_ns = 0; time_ns <= 300 * S; time_ns += steps_ns[i])
			trend_add(&trend, 1000 * S + time_ns, time_ns / S * 3);
		assert_true(trend_per_second(&trend, 60 * S, &over_ns) > 2.8);
		assert_true(trend_per_second(&trend, 60 * S, NULL) < 3.2);
		assert_in_range(over_ns, 57 * S, 60 * S);
	}
}

static void staying_is_for_all_of_the_time(void **state)
{
	struct trend trend = {0};

	(void)state;
	for (uint64_t second = 0; second <= 20; second += 2)
		trend_add(&trend, (100 + second) * S, second == 6 ? 4 : 5);
	assert_true(trend_stayed(&trend, 12 * S, 5));
	assert_false(trend_stayed(&trend, 15 * S, 5));
	assert_true(trend_stayed(&trend, 20 * S, 4));
	assert_false(trend_stayed(&trend, 21 * S, 4)); /* it is not known for that long */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_knows_nothing),
		cmocka_unit_test(it_is_by_first_and_last),
		cmocka_unit_test(it_remembers_a_minute),
		cmocka_unit_test(staying_is_for_all_of_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
