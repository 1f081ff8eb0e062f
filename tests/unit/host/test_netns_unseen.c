// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/netns_unseen.h"

static struct netns_unseen unseen;

static bool note(uint32_t inode, uint32_t pid)
{
	return netns_unseen_note(&unseen, &(struct netns){.inode = inode, .pid = pid});
}

/* Each scan meets another process that has just ended, and its namespace with it. */
static void what_has_just_ended_is_not_told(void **state)
{
	(void)state;
	for (uint32_t scan = 0; scan < 100; scan++) {
		/* The number of a namespace that is gone may be another one's by the next scan. */
		assert_false(note(1000 + scan / 2, 500 + scan));
		assert_false(note(1000 + scan / 2, 700 + scan)); /* another process of it */
		netns_unseen_next(&unseen);
	}
	assert_false(note(7, 1));
	netns_unseen_next(&unseen);
	netns_unseen_next(&unseen); /* it was not missed by this one */
	assert_false(note(7, 1));
	netns_unseen_clear(&unseen);
}

static void what_stays_closed_is_told_once(void **state)
{
	(void)state;
	assert_false(note(7, 400));
	netns_unseen_next(&unseen);
	assert_true(note(7, 400));
	assert_false(note(7, 401));
	netns_unseen_next(&unseen);
	assert_false(note(7, 400));
	netns_unseen_clear(&unseen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_just_ended_is_not_told),
		cmocka_unit_test(what_stays_closed_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
