// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/scan_request.h"

static void a_set_has_each_once(void **state)
{
	static struct netns_set set, other;

	(void)state;
	assert_true(netns_set_empty(&set));
	assert_false(netns_set_has(&set, 0));
	for (uint32_t i = 0; i < 100; i++)
		netns_set_add(&set, 4026531840 + i * 37 % 50);
	assert_int_equal(set.count, 50);
	for (size_t i = 1; i < set.count; i++)
		assert_true(set.items[i - 1] < set.items[i]);
	assert_true(netns_set_has(&set, 4026531840) && netns_set_has(&set, 4026531889));
	assert_false(netns_set_has(&set, 4026531839) || netns_set_has(&set, 4026531890));
	netns_set_add(&other, 7);
	netns_set_add_set(&set, &other);
	assert_int_equal(set.count, 51);
	assert_true(netns_set_has(&set, 7));
	netns_set_clear(&set);
	assert_true(netns_set_empty(&set));
	assert_false(netns_set_has(&set, 7));
}

static void too_many_are_all(void **state)
{
	static struct netns_set set, other;

	(void)state;
	for (uint32_t i = 0; i < NETNS_SET_LIMIT; i++)
		netns_set_add(&set, i + 1);
	netns_set_add(&set, 1);
	assert_false(set.all || netns_set_has(&set, NETNS_SET_LIMIT + 1));
	netns_set_add(&set, NETNS_SET_LIMIT + 1);
	assert_true(set.all);
	assert_true(netns_set_has(&set, 12345678));
	netns_set_add_set(&other, &set);
	assert_true(netns_set_has(&other, 12345678));
}

static void a_request_for_some_is_not_one_for_all(void **state)
{
	static struct scan_request request;

	(void)state;
	assert_false(scan_request_any(&request) || scan_request_tables(&request));
	netns_set_add(&request.listeners, 5);
	assert_true(scan_request_any(&request));
	assert_false(scan_request_tables(&request) || scan_request_has_netns(&request, 5));
	netns_set_add(&request.tables, 6);
	assert_true(scan_request_tables(&request) && scan_request_has_netns(&request, 6));
	assert_false(scan_request_has_netns(&request, 5));
	request.all_tables = true;
	assert_true(scan_request_has_netns(&request, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_has_each_once),
		cmocka_unit_test(too_many_are_all),
		cmocka_unit_test(a_request_for_some_is_not_one_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
