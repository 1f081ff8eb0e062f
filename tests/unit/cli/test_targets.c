// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* How the processes that are watched are named. */
#include "events.h"

#include <unistd.h>

#include "cli/targets.h"

#define NOBODY (PID_MAX + 1)

static void assert_described(const struct options *options, const char *wanted)
{
	char text[TARGETS_TEXT_LEN];

	assert_string_equal(targets_describe(options, true, text), wanted);
}

static void every_process_has_no_name(void **state)
{
	char text[TARGETS_TEXT_LEN];

	(void)state;
	assert_null(targets_describe(&(struct options){0}, true, text));
}

static void processes_are_named(void **state)
{
	uint32_t own = (uint32_t)getpid(), pids[] = {own, NOBODY, own, own, own, own, own};
	struct options options = {.pids = pids};
	char wanted[TARGETS_TEXT_LEN];

	(void)state;
	options.pid_count = 1;
	snprintf(wanted, sizeof(wanted), "test_targets[%u]", own);
	assert_described(&options, wanted);
	options.pid_count = 2;
	snprintf(wanted, sizeof(wanted), "test_targets[%u], ?[%u]", own, NOBODY);
	assert_described(&options, wanted);
	options.pid_count = 4;
	snprintf(wanted, sizeof(wanted),
		 "test_targets[%u], ?[%u], test_targets[%u], test_targets[%u]", own, NOBODY, own,
		 own);
	assert_described(&options, wanted);
	options.pid_count = 7;
	snprintf(wanted, sizeof(wanted),
		 "test_targets[%u], ?[%u], test_targets[%u], test_targets[%u] and 3 more", own,
		 NOBODY, own, own);
	assert_described(&options, wanted);
}

/* Of a log, whose processes may be anything here. */
static void processes_of_other_hosts_have_no_name(void **state)
{
	uint32_t pids[] = {1, 2, 3, 4, 5};
	struct options options = {.pids = pids, .pid_count = 1};
	char text[TARGETS_TEXT_LEN];

	(void)state;
	assert_string_equal(targets_describe(&options, false, text), "process 1");
	options.pid_count = 5;
	assert_string_equal(targets_describe(&options, false, text),
			    "processes 1, 2, 3, 4 and 1 more");
}

static void commands_are_named(void **state)
{
	char comms[5][16] = {"nginx", "redis-server", "012345678901234", "a", "b"};
	struct options options = {.comms = comms};

	(void)state;
	options.comm_count = 2;
	assert_described(&options, "processes named nginx, redis-server");
	options.comm_count = 5;
	assert_described(&options,
			 "processes named nginx, redis-server, 012345678901234, a and 1 more");
}

static void the_namespace_of_all_is_the_usual_one(void **state)
{
	uint32_t own = (uint32_t)getpid(), pids[] = {own, own, NOBODY};
	struct options options = {.pids = pids};
	uint32_t netns = targets_netns(&options);

	(void)state;
	assert_true(netns > 0);
	for (options.pid_count = 1; options.pid_count <= 3; options.pid_count++)
		assert_int_equal(targets_netns(&options), netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_process_has_no_name),
		cmocka_unit_test(processes_are_named),
		cmocka_unit_test(processes_of_other_hosts_have_no_name),
		cmocka_unit_test(commands_are_named),
		cmocka_unit_test(the_namespace_of_all_is_the_usual_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
