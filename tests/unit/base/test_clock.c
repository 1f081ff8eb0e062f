// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <time.h>

#include "base/clock.h"

static void check_rfc3339(int64_t seconds, uint64_t nanoseconds, const char *wanted)
{
	/* The same moment by clocks with other offsets: only the sum counts. */
	static const int64_t uptimes[] = {0, 1, 999999999, 86400 * 365 * (int64_t)NS_PER_S};
	uint64_t wall_ns = (uint64_t)seconds * NS_PER_S + nanoseconds;
	char text[CLOCK_RFC3339_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(uptimes); i++) {
		struct clock clock = {
			.monotonic_to_wall_ns = (int64_t)wall_ns - uptimes[i],
			.boottime_to_wall_ns = (int64_t)wall_ns - 2 * uptimes[i],
		};

		assert_string_equal(clock_format_rfc3339(&clock, (uint64_t)uptimes[i], text),
				    wanted);
		assert_string_equal(clock_format_boottime(&clock, 2 * (uint64_t)uptimes[i], text),
				    wanted);
	}
}

static void rfc3339_has_nanoseconds_and_utc(void **state)
{
	(void)state;
	check_rfc3339(0, 0, "1970-01-01T00:00:00.000000000Z");
	check_rfc3339(0, 1, "1970-01-01T00:00:00.000000001Z");
	check_rfc3339(951782399, 999999999, "2000-02-28T23:59:59.999999999Z");
	check_rfc3339(951782400, 0, "2000-02-29T00:00:00.000000000Z");
	check_rfc3339(1795239420, 123456789, "2026-11-21T05:37:00.123456789Z");
	check_rfc3339(4102444799, 120000000, "2099-12-31T23:59:59.120000000Z");
}

/* Times need not be in order: this goes to the next second, and back. */
static void seconds_before_and_after_are_told_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		check_rfc3339(1700000000, 999999999, "2023-11-14T22:13:20.999999999Z");
		check_rfc3339(1700000001, 0, "2023-11-14T22:13:21.000000000Z");
		check_rfc3339(1700000000, 5, "2023-11-14T22:13:20.000000005Z");
	}
}

/* The result is in UTC, whatever the host's time zone is. */
static void rfc3339_does_not_depend_on_the_time_zone(void **state)
{
	(void)state;
	setenv("TZ", "TST-5:30", 1);
	tzset();
	check_rfc3339(1795239421, 0, "2026-11-21T05:37:01.000000000Z");
	setenv("TZ", "UTC0", 1);
	tzset();
}

static void times_for_people_are_local(void **state)
{
	struct clock clock = {.monotonic_to_wall_ns = 1795239420LL * (int64_t)NS_PER_S};
	char text[CLOCK_TIME_LEN];

	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_string_equal(clock_format_time(&clock, 123456789, text), "05:37:00.123456");
	assert_string_equal(clock_format_time(&clock, 999, text), "05:37:00.000000");
	assert_string_equal(clock_format_time(&clock, 59 * NS_PER_S + 999999999, text),
			    "05:37:59.999999");
	setenv("TZ", "TST-5:30", 1);
	tzset();
	assert_string_equal(clock_format_time(&clock, 1000, text), "11:07:00.000001");
	setenv("TZ", "UTC0", 1);
	tzset();
}

static int64_t wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

static void read_relates_the_clocks(void **state)
{
	struct timespec boot;
	struct clock clock = {0};
	int64_t before, now, from_boot;

	(void)state;
	clock_read(&clock);
	before = wall_now();
	now = (int64_t)clock_now() + clock.monotonic_to_wall_ns;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	from_boot =
		(int64_t)boot.tv_sec * (int64_t)NS_PER_S + boot.tv_nsec + clock.boottime_to_wall_ns;
	/* A busy machine may take this long between the calls. */
	assert_true(now - before > -(int64_t)NS_PER_S && now - before < (int64_t)NS_PER_S);
	assert_true(from_boot - before > -(int64_t)NS_PER_S &&
		    from_boot - before < (int64_t)NS_PER_S);
}

/* The wall clock may be set. The start time of a process must not move with it. */
static void the_offset_of_process_starts_is_read_once(void **state)
{
	struct clock clock = {.monotonic_to_wall_ns = 5, .boottime_to_wall_ns = 77};

	(void)state;
	clock_read(&clock);
	assert_int_equal(clock.boottime_to_wall_ns, 77);
	assert_int_not_equal(clock.monotonic_to_wall_ns, 5);
}

static void now_does_not_go_back(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_now();

		assert_true(now >= last);
		last = now;
	}
	assert_true(last > 0);
}

/* HZ is 100, 250, 300 or 1000. */
static void tick_is_one_that_kernels_have(void **state)
{
	uint64_t hz = (NS_PER_S + clock_tick_ns() / 2) / clock_tick_ns();

	(void)state;
	assert_true(hz == 100 || hz == 250 || hz == 300 || hz == 1000);
}

static void set_offsets(const char *lines)
{
	FILE *file = fmemopen((void *)lines, strlen(lines), "r");

	assert_non_null(file);
	clock_parse_offsets(file);
	fclose(file);
}

/* All times are the host's, wherever the process is. */
static void a_time_namespace_makes_no_difference(void **state)
{
	uint64_t host_ns = clock_now(), hour_ns = 3600 * NS_PER_S;
	struct clock clock = {0}, shifted = {0};

	(void)state;
	clock_read(&clock);
	set_offsets("monotonic      3600         0\nboottime      -7200 500000000\n");
	assert_in_range(host_ns - clock_now(), hour_ns - NS_PER_S, hour_ns);
	assert_int_equal(clock_here(5), 5 + hour_ns);
	assert_int_equal(clock_boottime_here(10 * hour_ns), 8 * hour_ns + 500 * NS_PER_MS);
	clock_read(&shifted);
	assert_in_range(shifted.monotonic_to_wall_ns - clock.monotonic_to_wall_ns,
			hour_ns - NS_PER_S, hour_ns + NS_PER_S);
	assert_in_range(clock.boottime_to_wall_ns - shifted.boottime_to_wall_ns,
			2 * hour_ns - 2 * NS_PER_S, 2 * hour_ns);
	set_offsets("\n");
	assert_int_equal(clock_here(5), 5);
	assert_in_range(clock_now() - host_ns, 0, 10 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3339_has_nanoseconds_and_utc),
		cmocka_unit_test(seconds_before_and_after_are_told_apart),
		cmocka_unit_test(rfc3339_does_not_depend_on_the_time_zone),
		cmocka_unit_test(times_for_people_are_local),
		cmocka_unit_test(read_relates_the_clocks),
		cmocka_unit_test(the_offset_of_process_starts_is_read_once),
		cmocka_unit_test(now_does_not_go_back),
		cmocka_unit_test(tick_is_one_that_kernels_have),
		cmocka_unit_test(a_time_namespace_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
