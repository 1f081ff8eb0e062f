// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "host/ring_plan.h"

#define KB 1024U
#define MB (1024 * KB)

static void check(uint64_t ring_size, uint32_t cpus, uint32_t lanes, uint32_t lane, uint32_t first,
		  uint32_t second, uint32_t third)
{
	struct ring_plan plan = ring_plan_make(ring_size, cpus, 4 * KB);

	assert_int_equal(plan.lanes, lanes);
	assert_int_equal(plan.lane_size, lane);
	assert_int_equal(plan.shared_sizes[0], first);
	assert_int_equal(plan.shared_sizes[1], second);
	assert_int_equal(plan.shared_sizes[2], third);
	assert_int_equal(plan.shared, 1 + (second > 0) + (third > 0));
}

static void lanes_and_shared_rings_are_the_whole(void **state)
{
	(void)state;
	check(16 * MB, 1, 1, MB, 8 * MB, 4 * MB, 2 * MB);
	check(16 * MB, 2, 2, MB, 8 * MB, 4 * MB, 2 * MB);
	check(16 * MB, 4, 4, MB, 8 * MB, 4 * MB, 0);
	check(16 * MB, 6, 6, 512 * KB, 8 * MB, 4 * MB, MB);
	check(16 * MB, 128, 128, 32 * KB, 8 * MB, 4 * MB, 0);
	check(16 * MB, 256, 256, 16 * KB, 8 * MB, 4 * MB, 0);
	check(16 * MB, 1024, 1024, 4 * KB, 8 * MB, 4 * MB, 0);
	check(1024 * MB, 256, 256, MB, 512 * MB, 256 * MB, 0);
	check(64 * KB, 2, 2, 8 * KB, 32 * KB, 16 * KB, 0);
}

static void a_small_ring_is_shared_by_all(void **state)
{
	(void)state;
	check(4 * KB, 2, 0, 0, 4 * KB, 0, 0);
	check(16 * KB, 2, 0, 0, 16 * KB, 0, 0);
	check(32 * KB, 2, 2, 4 * KB, 16 * KB, 8 * KB, 0);
	check(16 * MB, 1025, 0, 0, 16 * MB, 0, 0);
}

/* No more than was asked for, and most of it. */
static void any_number_of_cpus_fits(void **state)
{
	(void)state;
	for (uint64_t size = 4 * KB; size <= 1024ULL * MB; size *= 2)
		for (uint32_t cpus = 1; cpus <= 4096; cpus++) {
			struct ring_plan plan = ring_plan_make(size, cpus, 4 * KB);
			uint64_t all = ring_plan_size(&plan);

			assert_true(all <= size && all >= size - size / 8);
			assert_true(plan.shared_sizes[0] >= size / 2);
			assert_true(plan.lanes == 0 || plan.lanes == cpus);
			for (uint32_t i = 0; i < plan.shared; i++)
				assert_true(plan.shared_sizes[i] >= 4 * KB &&
					    !(plan.shared_sizes[i] & (plan.shared_sizes[i] - 1)));
		}
}

static void check_list(const char *list, int count, int set, uint64_t mask)
{
	bool online[64];

	assert_int_equal(cpu_list_parse(list, online, count), set);
	for (int i = 0; set > 0 && i < count; i++)
		assert_int_equal(online[i], mask >> i & 1);
}

static void lists_of_cpus_are_read(void **state)
{
	(void)state;
	check_list("0\n", 1, 1, 1);
	check_list("0-1\n", 2, 2, 3);
	check_list("0-3,8,10-11", 16, 7, 0xd0f);
	check_list("0,2,4-5\n", 64, 4, 0x35);
	check_list("0-127\n", 8, 8, 0xff);
	check_list("8-9", 8, 0, 0);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const wrong[] = {"",
					    "\n",
					    "-",
					    "1-",
					    "3-1",
					    "a",
					    "0,",
					    ",0",
					    "0-1x",
					    "0 1",
					    "+1",
					    "0x1",
					    "99999999999999999999",
					    "0\n\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		check_list(wrong[i], 8, -EINVAL, 0);
}

static void this_host_has_a_cpu(void **state)
{
	bool online[4096];

	(void)state;
	assert_in_range(cpus_online(online, 4096), 1, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_and_shared_rings_are_the_whole),
		cmocka_unit_test(a_small_ring_is_shared_by_all),
		cmocka_unit_test(any_number_of_cpus_fits),
		cmocka_unit_test(lists_of_cpus_are_read),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(this_host_has_a_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
