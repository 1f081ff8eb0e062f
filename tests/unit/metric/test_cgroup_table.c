// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "metric/cgroup_table.h"

static void equal_paths_have_equal_numbers(void **state)
{
	struct cgroup_table *table = cgroup_table_new();
	uint32_t a = cgroup_table_hold(table, "/a"), b = cgroup_table_hold(table, "/b");

	(void)state;
	assert_true(a && b && a != b);
	assert_int_equal(cgroup_table_hold(table, "/a"), a);
	assert_int_equal(cgroup_table_count(table), 2);
	assert_string_equal(cgroup_table_path(table, a), "/a");
	assert_string_equal(cgroup_table_path(table, b), "/b");
	cgroup_table_free(table);
}

static void the_empty_path_is_0(void **state)
{
	struct cgroup_table *table = cgroup_table_new();

	(void)state;
	assert_int_equal(cgroup_table_hold(table, ""), 0);
	assert_string_equal(cgroup_table_path(table, 0), "");
	cgroup_table_hold_number(table, 0);
	cgroup_table_release(table, 0);
	assert_int_equal(cgroup_table_count(table), 0);
	cgroup_table_free(table);
}

static void a_path_goes_with_its_last_holder(void **state)
{
	struct cgroup_table *table = cgroup_table_new();
	uint32_t a = cgroup_table_hold(table, "/a");

	(void)state;
	cgroup_table_hold_number(table, a);
	cgroup_table_hold(table, "/a");
	cgroup_table_release(table, a);
	cgroup_table_release(table, a);
	assert_int_equal(cgroup_table_count(table), 1);
	assert_string_equal(cgroup_table_path(table, a), "/a");
	cgroup_table_release(table, a);
	assert_int_equal(cgroup_table_count(table), 0);
	cgroup_table_free(table);
}

static void numbers_stay_small(void **state)
{
	struct cgroup_table *table = cgroup_table_new();
	uint32_t held[20] = {0};
	char path[32];

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		uint32_t *slot = &held[i % ARRAY_SIZE(held)];

		cgroup_table_release(table, *slot);
		snprintf(path, sizeof(path), "/job-%u.scope", i);
		*slot = cgroup_table_hold(table, path);
		assert_in_range(*slot, 1, 32);
		assert_string_equal(cgroup_table_path(table, *slot), path);
		assert_true(cgroup_table_count(table) <= ARRAY_SIZE(held));
	}
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(held[i], held[j]);
	cgroup_table_free(table);
}

static void paths_that_look_alike_are_one(void **state)
{
	struct cgroup_table *table = cgroup_table_new();
	char path[CGROUP_PATH_LEN];
	uint32_t number = cgroup_table_hold(table, "/a\xfe");

	(void)state;
	assert_int_equal(cgroup_table_hold(table, "/a\x80"), number);
	assert_string_equal(cgroup_table_path(table, number), "/a\xef\xbf\xbd");
	assert_int_not_equal(cgroup_table_hold(table, "/\xc3\xbc"),
			     cgroup_table_hold(table, "/\xc3\xb6"));
	/* Each byte becomes three. */
	memset(path, 0xff, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	number = cgroup_table_hold(table, path);
	assert_int_equal(strlen(cgroup_table_path(table, number)), 3 * (sizeof(path) - 1));
	cgroup_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_paths_have_equal_numbers),
		cmocka_unit_test(the_empty_path_is_0),
		cmocka_unit_test(a_path_goes_with_its_last_holder),
		cmocka_unit_test(numbers_stay_small),
		cmocka_unit_test(paths_that_look_alike_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
