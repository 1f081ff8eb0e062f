// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "engine/scan_pace.h"

/* Scans of cpu_ns each, as early as they may begin, for an hour. Returns their number. */
static uint64_t scans_in(enum scan_purpose purpose, uint64_t cpu_ns, uint64_t duration_ns)
{
	struct scan_pace pace = {0};
	uint64_t at_ns = START_NS, count = 0;

	while (at_ns < START_NS + duration_ns) {
		struct scan_job job = {.purpose = purpose, .began_ns = at_ns, .cpu_ns = cpu_ns};

		count++;
		scan_pace_ended(&pace, &job, at_ns + cpu_ns);
		assert_in_range(pace.not_before_ns[purpose], at_ns + cpu_ns, UINT64_MAX - 1);
		at_ns = pace.not_before_ns[purpose];
		if (at_ns < START_NS)
			return 0;
	}
	return count;
}

/* Whatever one costs, and however many there are to be: a twentieth of a CPU, and what a purpose
 * may have saved up before. */
static void no_purpose_takes_more_than_its_share(void **state)
{
	static const uint64_t cpu_ms[] = {1, 10, 90, 400, 2200, 30000};

	(void)state;
	for (enum scan_purpose purpose = SCAN_LOSSES; purpose < SCAN_PURPOSES; purpose++)
		for (size_t i = 0; i < ARRAY_SIZE(cpu_ms); i++) {
			uint64_t cpu_ns = cpu_ms[i] * NS_PER_MS;
			uint64_t count = scans_in(purpose, cpu_ns, 3600 * NS_PER_S);

			assert_in_range(count, 3600 * NS_PER_S / (cpu_ns * 200 + 5 * NS_PER_S),
					UINT64_MAX - 1);
			assert_in_range((count - 1) * cpu_ns, 0,
					3600 * NS_PER_S / SCAN_SHARE + 2 * NS_PER_S + cpu_ns);
		}
}

/* Losses that go on ask for scans all the time; nothing is saved up for these. */
static void losses_have_no_advance(void **state)
{
	struct scan_pace pace = {0};
	struct scan_job job = {.purpose = SCAN_LOSSES, .cpu_ns = 2 * NS_PER_S};

	(void)state;
	scan_pace_ended(&pace, &job, START_NS);
	assert_int_equal(pace.not_before_ns[SCAN_LOSSES], START_NS + 40 * NS_PER_S);
	job.cpu_ns = NS_PER_MS;
	scan_pace_ended(&pace, &job, START_NS + 40 * NS_PER_S);
	assert_int_equal(pace.not_before_ns[SCAN_LOSSES], START_NS + 43 * NS_PER_S);
}

/* Three scans that each take 200 ms show a full queue: after 10 s, not after 40. */
static void a_finding_does_not_wait_for_long(void **state)
{
	(void)state;
	assert_in_range(scans_in(SCAN_FINDINGS, 200 * NS_PER_MS, 10 * NS_PER_S + 1), 3, 5);
	assert_in_range(scans_in(SCAN_FINDINGS, 5 * NS_PER_MS, 10 * NS_PER_S), 4, 5);
}

/* As many descriptors as a host has are one walk; each network namespace is another one. */
static void listeners_are_read_where_it_is_cheap(void **state)
{
	static struct scan_request few, many, held;
	struct scan_pace pace = {0};
	struct scan_result result = {
		.descriptors_ns = 10 * NS_PER_MS, .tables_ns = 100 * NS_PER_MS, .seen_count = 100};

	(void)state;
	scan_pace_learn(&pace, &result);
	for (uint32_t netns = 1; netns <= 10; netns++)
		netns_set_add(&few.listeners, netns);
	netns_set_add_set(&many.listeners, &few.listeners);
	netns_set_add(&many.listeners, 11);
	scan_pace_choose(&pace, &few);
	assert_false(few.descriptors);
	assert_true(scan_request_has_netns(&few, 1) && scan_request_has_netns(&few, 10));
	scan_pace_choose(&pace, &many);
	assert_true(many.descriptors);
	assert_false(scan_request_tables(&many));
	netns_set_add(&held.listeners, 1);
	held.descriptors = true; /* they are read anyway */
	scan_pace_choose(&pace, &held);
	assert_false(scan_request_tables(&held));
	/* The tables of ten of them are read anyway. */
	many.descriptors = false;
	netns_set_add_set(&many.tables, &few.listeners);
	scan_pace_choose(&pace, &many);
	assert_false(many.descriptors);
	assert_true(scan_request_has_netns(&many, 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_purpose_takes_more_than_its_share),
		cmocka_unit_test(losses_have_no_advance),
		cmocka_unit_test(a_finding_does_not_wait_for_long),
		cmocka_unit_test(listeners_are_read_where_it_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
