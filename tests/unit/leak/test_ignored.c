// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Leaks that are ignored are neither reported nor counted. */
#include "leaks.h"

#define THRESHOLD_NS (10 * NS_PER_S)

static size_t asked;
static enum leak_kind asked_kind;

/* Every second socket. */
static bool is_even(void *context, const struct leak *leak)
{
	(void)context;
	asked++;
	asked_kind = leak->kind;
	assert_non_null(leak->flow);
	return leak->cookie % 2 == 0;
}

static struct world *ignoring_world(uint64_t threshold_ns)
{
	struct world *world = world_new(&everything);
	const struct leak_hooks hooks = {.leaked = world_on_leaked,
					 .ended = world_on_leak_ended,
					 .ignored = is_even,
					 .context = world};

	world->leaks = leak_watch_new(&world->tracker, threshold_ns, &hooks);
	assert_non_null(world->leaks);
	asked = 0;
	return world;
}

static void count_one(void *context, const struct tcp_socket *socket, struct process *process,
		      enum leak_kind kind)
{
	(void)process;
	(void)kind;
	assert_int_equal(socket->cookie % 2, 1);
	(*(size_t *)context)++;
}

static size_t count_each(struct world *world)
{
	size_t count = 0;

	leak_reports_each(leak_watch_reports(world->leaks), count_one, &count);
	return count;
}

static void what_is_ignored_is_nowhere(void **state)
{
	struct world *world = ignoring_world(THRESHOLD_NS);
	const struct process *process = world_process(world, &server);
	uint64_t open;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		enter(world, cookie, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + THRESHOLD_NS), 5);
	assert_int_equal(judge_idle(world, 1, 5, START_NS + THRESHOLD_NS), 0);
	assert_int_equal(asked, 5);
	assert_int_equal(asked_kind, LEAK_UNCLOSED);
	assert_int_equal(world->leak_count, 3);
	assert_int_equal(process->leaks[LEAK_UNCLOSED], 3);
	assert_int_equal(count_each(world), 3);
	assert_int_equal(
		leak_groups_most(leak_watch_reports(world->leaks)->groups, process, false, &open)
			->total,
		3);
	assert_int_equal(open, 3);
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		leave(world, cookie, START_NS + 20 * NS_PER_S);
	assert_int_equal(world->end_count, 3);
	assert_int_equal(world->ends[1].cookie, 3);
	assert_int_equal(process->leaks[LEAK_UNCLOSED], 3);
	world_free(world);
}

static void alone_it_makes_no_group(void **state)
{
	struct world *world = ignoring_world(THRESHOLD_NS);
	uint64_t open;

	(void)state;
	enter(world, 2, START_NS);
	leak_watch_collect(world->leaks, START_NS + THRESHOLD_NS);
	judge_idle(world, 2, 2, START_NS + THRESHOLD_NS);
	assert_int_equal(asked, 1);
	assert_null(leak_groups_next(
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS + THRESHOLD_NS),
		NULL));
	assert_null(leak_groups_most(leak_watch_reports(world->leaks)->groups,
				     world_process(world, &server), false, &open));
	world_free(world);
}

static void it_is_judged_once(void **state)
{
	struct world *world = ignoring_world(THRESHOLD_NS);

	(void)state;
	enter(world, 2, START_NS);
	leak_watch_collect(world->leaks, START_NS + THRESHOLD_NS);
	judge_idle(world, 2, 2, START_NS + THRESHOLD_NS);
	assert_true(leak_watch_deadline(world->leaks) == UINT64_MAX);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 900 * NS_PER_S), 0);
	assert_int_equal(judge_idle(world, 2, 2, START_NS + 900 * NS_PER_S), 0);
	assert_int_equal(asked, 1);
	world_free(world);
}

/* Without a threshold a socket that is closed early is reported at its end. */
static void at_a_threshold_of_0_too(void **state)
{
	struct world *world = ignoring_world(0);

	(void)state;
	enter(world, 1, START_NS);
	enter(world, 2, START_NS);
	leave(world, 1, START_NS + NS_PER_MS);
	leave(world, 2, START_NS + NS_PER_MS);
	assert_int_equal(asked, 2);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.cookie, 1);
	assert_int_equal(world->end_count, 1);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ignored_is_nowhere),
		cmocka_unit_test(alone_it_makes_no_group),
		cmocka_unit_test(it_is_judged_once),
		cmocka_unit_test(at_a_threshold_of_0_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
