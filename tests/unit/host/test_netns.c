// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/netns.h"

/* Kernels before 6.9 enter a namespace by a process only. */
static void a_process_replaces_a_thread(void **state)
{
	struct netns_list list = {0};

	(void)state;
	assert_int_equal(netns_list_learn(&list, &(struct netns){7, 444, true, 0}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){8, 450, false, 0}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){7, 446, true, 0}), 0);
	assert_int_equal(list.items[0].pid, 444);
	assert_int_equal(netns_list_learn(&list, &(struct netns){7, 445, false, 0}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){7, 460, false, 0}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){8, 461, true, 0}), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].pid, 445);
	assert_false(list.items[0].thread);
	assert_int_equal(list.items[1].pid, 450);
	assert_true(netns_list_has(&list, 7));
	/* What the kernel says about all of them, in any order. */
	assert_int_equal(netns_list_learn(&list, &(struct netns){.inode = 7, .id = 70}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){.inode = 9, .id = 90}), 0);
	assert_int_equal(netns_list_learn(&list, &(struct netns){9, 470, true, 0}), 0);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.items[0].pid, 445);
	assert_int_equal(list.items[0].id, 70);
	assert_int_equal(list.items[2].pid, 470);
	assert_true(list.items[2].thread);
	assert_int_equal(list.items[2].id, 90);
	netns_list_clear(&list);
	assert_false(netns_list_has(&list, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_replaces_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
