// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Records that come as fast as they are taken: turns and scans have an end all the same. */
#include "scene.h"

#define RING_NS (1 * NS_PER_S) /* that a ring full of records takes */

/* A record of a socket that nobody else asks about. */
static struct event_transition flood;

static struct scene *flooded(void)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1000);

	flood = make_transition(1000, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS);
	flood.flow.flags |= EVENT_DEAD; /* no process holds them */
	scene->kernel.flood = &flood;
	scene->kernel.flood_ns = 10 * NS_PER_US;
	scene->kernel.backlog = RING_NS / scene->kernel.flood_ns;
	return scene;
}

/* As engine_poll(). Returns how long the turn took. */
static uint64_t turn(struct scene *scene)
{
	uint64_t began_ns = scene->kernel.now_ns;

	assert_true(intake_drain(&scene->world->intake) >= 0);
	assert_int_equal(scan_plan_run(&scene->plan), 0);
	assert_int_equal(scan_plan_after_scrapes(&scene->plan), 0);
	scan_plan_look(&scene->plan);
	return scene->kernel.now_ns - began_ns;
}

static void a_turn_has_an_end(void **state)
{
	struct scene *scene = flooded();
	struct intake *intake = &scene->world->intake;
	uint64_t began_ns = scene->kernel.now_ns, turns = 1;

	(void)state;
	assert_int_equal(intake_drain(intake), 1);
	assert_in_range(scene->kernel.now_ns - began_ns, INTAKE_TURN_NS,
			INTAKE_TURN_NS + NS_PER_MS);
	for (; intake_drain(intake); turns++)
		assert_in_range(turns, 1, RING_NS / INTAKE_TURN_NS);
	/* What was there at its beginning, and no more. */
	assert_int_equal(scene->kernel.flood_taken, scene->kernel.backlog);
	scene_free(scene);
}

/* A leak and losses ask for scans all the time. */
static void all_is_done_though_there_is_no_end_of_records(void **state)
{
	struct scene *scene = flooded();

	(void)state;
	enter(scene->world, 1, START_NS);
	know_idle(scene, 1, &server);
	scene->kernel.scan_ns = NS_PER_MS;
	for (int i = 0; i < 2000; i++) {
		scene->kernel.ledger.lost[LOST_RING_FULL]++;
		assert_in_range(turn(scene), 0, 5 * INTAKE_TURN_NS);
		if (i % 10 == 0) {
			uint64_t began_ns = scene->kernel.now_ns;

			assert_int_equal(scan_plan_before_scrape(&scene->plan), 0);
			assert_in_range(scene->kernel.now_ns - began_ns, 0, 4 * INTAKE_TURN_NS);
		}
	}
	assert_int_equal(scene->world->leak_count, 1);
	assert_int_equal(scene->plan.lost_seen, 2000);
	assert_in_range(scene->kernel.scans, 4, 200);
	scene_free(scene);
}

/* The socket is closed during the scan; that comes behind a ring full of other records. */
static void a_record_that_comes_late_is_newer_than_the_scan(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(scene->world, 1, START_NS);
	know_idle(scene, 1, &server);
	scene->kernel.now_ns = START_NS + 10 * NS_PER_S;
	scene->meanwhile =
		make_transition(1, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, scene->kernel.now_ns);
	flood = make_transition(1000, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS);
	scene->kernel.flood = &flood;
	scene->kernel.flood_ns = 10 * NS_PER_US;
	scene->kernel.backlog = RING_NS / scene->kernel.flood_ns;
	assert_int_equal(scan_plan_run(&scene->plan), 0);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->plan.job.purpose, SCAN_LEAKS);
	for (int i = 0; scene->plan.job.purpose; i++) {
		assert_in_range(i, 0, 2 * RING_NS / INTAKE_TURN_NS);
		assert_int_equal(scan_plan_run(&scene->plan), 0);
	}
	assert_int_equal(scene->world->leak_count, 0);
	assert_int_equal(world_find(scene->world, 1)->state, TCP_LAST_ACK);
	scene_free(scene);
}

static void a_summary_waits_for_its_scan(void **state)
{
	struct scene *scene = flooded();
	uint64_t began_ns = scene->kernel.now_ns;

	(void)state;
	while (scan_plan_minis(&scene->plan)) {
		assert_in_range(scene->kernel.now_ns, began_ns, began_ns + 4 * RING_NS);
		turn(scene);
	}
	assert_int_equal(scene->kernel.scans, 1);
	scene_free(scene);
}

static void the_end_does_not_wait_for_all_of_them(void **state)
{
	struct scene *scene = flooded();
	uint64_t began_ns = scene->kernel.now_ns;

	(void)state;
	scene->kernel.backlog *= 100;
	assert_int_equal(intake_finish(&scene->world->intake), 1);
	assert_in_range(scene->kernel.now_ns - began_ns, 0, INTAKE_LAST_NS + NS_PER_MS);
	scene_free(scene);
}

static void being_behind_is_said_once(void **state)
{
	struct pace pace = {0};
	uint64_t at_ns = START_NS;

	(void)state;
	for (int i = 0; i < 50; i++, at_ns += 20 * NS_PER_MS) /* bursts */
		pace_note(&pace, i % 10 != 0, at_ns);
	assert_int_equal(pace.said_since_ns, 0);
	pace_note(&pace, false, at_ns);
	for (int i = 0; i < 200; i++, at_ns += 20 * NS_PER_MS)
		pace_note(&pace, true, at_ns);
	assert_int_equal(pace.said_since_ns, START_NS + NS_PER_S);
	pace_note(&pace, false, at_ns);
	pace_note(&pace, false, at_ns + 9 * NS_PER_S);
	assert_int_equal(pace.said_since_ns, START_NS + NS_PER_S);
	pace_note(&pace, false, at_ns + 10 * NS_PER_S);
	assert_int_equal(pace.said_since_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_has_an_end),
		cmocka_unit_test(all_is_done_though_there_is_no_end_of_records),
		cmocka_unit_test(a_record_that_comes_late_is_newer_than_the_scan),
		cmocka_unit_test(a_summary_waits_for_its_scan),
		cmocka_unit_test(the_end_does_not_wait_for_all_of_them),
		cmocka_unit_test(being_behind_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
