// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Very many leaks at once: what one turn of the loop does has a bound, and so has the memory of a
 * scan. Counts, not times: tests/bench/million.c measures these. */
#include "scene.h"

#define LEAKS	 250000 /* more than two scans are for */
#define PER_STEP 20000	/* sockets that a step of a scan shows */
#define STEPS	 (LEAKS / PER_STEP + 1)

static size_t most_kept; /* records of a result, before a step */

/* All of them are found, whichever are asked for. */
static void find_many(struct kernel *kernel, const struct scan_request *request,
		      struct scan_result *result)
{
	uint64_t first = kernel->step * PER_STEP + 1;

	if (result->count > most_kept)
		most_kept = result->count;
	if (!request->descriptors || !(request->states >> TCP_CLOSE_WAIT & 1))
		return;
	for (uint64_t cookie = first; cookie < first + PER_STEP && cookie <= LEAKS; cookie++) {
		struct event_scan record = idle(cookie, &server, kernel->now_ns);

		scan_add(result, &record);
	}
}

static struct scene *many_new(void)
{
	struct scene *scene = scene_new();

	most_kept = 0;
	scene->kernel.find = find_many;
	scene->kernel.steps = STEPS;
	scene->kernel.scan_ns = 10 * NS_PER_MS;
	for (uint64_t cookie = 1; cookie <= LEAKS; cookie++)
		enter(scene->world, cookie, START_NS);
	scene->plan.look_at_ns = UINT64_MAX;
	return scene;
}

/* One turn of the loop. Returns how many leaks it reported. */
static size_t turn(struct scene *scene)
{
	size_t before = scene->world->leak_count;

	assert_int_equal(scan_plan_run(&scene->plan), 0);
	return scene->world->leak_count - before;
}

static void report_all(struct scene *scene, size_t leaks)
{
	scene->kernel.now_ns = START_NS + 11 * NS_PER_S;
	for (int i = 0; i < 2000 && scene->world->leak_count < leaks; i++) {
		assert_in_range(turn(scene), 0, LEAK_JUDGE_STEP);
		if (!scene->plan.job.purpose)
			scene->kernel.now_ns += NS_PER_S;
	}
	assert_int_equal(scene->world->leak_count, leaks);
}

static void they_are_reported_in_steps_of_several_scans(void **state)
{
	struct scene *scene = many_new();

	(void)state;
	report_all(scene, LEAKS);
	assert_int_equal(scene->kernel.scans, 3);
	assert_in_range(most_kept, 1, LEAK_DUE_LIMIT);
	scene_free(scene);
}

static void what_is_closed_between_steps_is_no_leak(void **state)
{
	struct scene *scene = many_new();

	(void)state;
	scene->kernel.now_ns = START_NS + 11 * NS_PER_S;
	while (!scene->world->leak_count)
		turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_LEAKS);
	leave(scene->world, LEAK_DUE_LIMIT, scene->kernel.now_ns); /* due by this scan, */
	leave(scene->world, LEAKS, scene->kernel.now_ns);	   /* or by a later one */
	report_all(scene, LEAKS - 2);
	scene_free(scene);
}

/* The process is told of once, however many turns a look takes. */
static void a_look_at_them_takes_several_turns(void **state)
{
	struct scene *scene = many_new();
	size_t turns = 0;

	(void)state;
	report_all(scene, LEAKS);
	while (scene->plan.job.purpose)
		turn(scene);
	scene->plan.look_at_ns = scene->kernel.now_ns;
	do {
		scan_plan_look(&scene->plan);
		assert_in_range(scene->found, 0, turns ? 1 : 0);
		turns++;
	} while (scene->plan.looking);
	assert_in_range(turns, 4, 32);
	while (scene->plan.job.purpose)
		turn(scene);
	assert_int_equal(scene->found, 1);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_reported_in_steps_of_several_scans),
		cmocka_unit_test(what_is_closed_between_steps_is_no_leak),
		cmocka_unit_test(a_look_at_them_takes_several_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
