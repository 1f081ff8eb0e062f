// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The leak watch with -w 0: every socket that enters CLOSE_WAIT is reported. */
#include "leaks.h"

#define MS NS_PER_MS

static void threshold_0_is_due_at_once(void **state)
{
	struct world *world = leaks_new(0);

	(void)state;
	enter(world, 1, START_NS);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + MS), 1);
	judge_idle(world, 1, 1, START_NS + MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.age_ns, MS);
	leave(world, 1, START_NS + 2 * MS);
	assert_int_equal(world->end_count, 1);
	assert_int_equal(world->leak_count, 1);
	world_free(world);
}

/* -w 0 "reports every socket that enters CLOSE_WAIT", also one that is closed before a scan. */
static void threshold_0_reports_what_was_not_judged(void **state)
{
	static uint32_t pids[] = {201};
	static const struct options of_another = {.pids = pids, .pid_count = 1};
	struct world *world = leaks_new(0);
	const struct leak *leak = &world->leak_notes[0].leak;

	(void)state;
	enter(world, 1, START_NS);
	leave(world, 1, START_NS + MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(leak->time_ns, START_NS + MS);
	assert_int_equal(leak->age_ns, MS);
	/* The process that closed it. */
	assert_ptr_equal(leak->process, world_process(world, &server));
	assert_int_equal(leak->holder_count, 0);
	assert_int_equal(world->end_count, 1);
	assert_int_equal(world->ends[0].age_ns, MS);
	world_free(world);

	world = world_new(&of_another);
	world_watch_leaks(world, 0);
	enter(world, 1, START_NS);
	leave(world, 1, START_NS + MS);
	assert_int_equal(world->leak_count, 0);
	world_free(world);

	world = leaks_new(1); /* with another threshold only sockets that pass it */
	enter(world, 1, START_NS);
	leave(world, 1, START_NS + MS);
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

/* It is closed while the scan runs. */
static void threshold_0_reports_what_is_closed_during_the_scan(void **state)
{
	struct world *world = leaks_new(0);

	(void)state;
	enter(world, 2, START_NS + 5 * MS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 6 * MS), 1);
	leave(world, 2, START_NS + 7 * MS);
	judge_idle(world, 2, 2, START_NS + 8 * MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->end_count, 1);
	world_free(world);
}

static void threshold_0_misses_kernel_sockets(void **state)
{
	struct world *world = leaks_new(0);
	struct event_flow flow = server_flow(1);

	(void)state;
	flow.flags |= EVENT_KERN_SOCK;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS - MS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	world_step(world, 1, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, START_NS + MS, NULL);
	assert_int_equal(world->leak_count, 0);
	assert_int_equal(world->end_count, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threshold_0_is_due_at_once),
		cmocka_unit_test(threshold_0_reports_what_was_not_judged),
		cmocka_unit_test(threshold_0_reports_what_is_closed_during_the_scan),
		cmocka_unit_test(threshold_0_misses_kernel_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
