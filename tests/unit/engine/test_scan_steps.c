// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Scans that take several steps, with records between them. */
#include "scene.h"

#include "track/mini_tracker.h"
#include "track/owner.h"

#define STEP_NS (10 * NS_PER_MS)

/* As engine_poll(): one turn, then the next one. */
static void turn(struct scene *scene)
{
	assert_true(intake_drain(&scene->world->intake) >= 0);
	intake_flush(&scene->world->intake);
	assert_int_equal(scan_plan_run(&scene->plan), 0);
}

static struct scene *scene_in_steps(size_t steps)
{
	struct scene *scene = scene_new();

	scene->kernel.steps = steps;
	scene->kernel.scan_ns = STEP_NS;
	scene->plan.look_at_ns = UINT64_MAX;
	return scene;
}

/* A connection that was opened a second ago. */
static void open_before(struct scene *scene, uint64_t cookie)
{
	struct event_flow flow = server_flow(cookie);

	world_step(scene->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
		   scene->kernel.now_ns - NS_PER_S, NULL);
}

/* A step of the next scan, made at the time at which that step is, finds the socket. */
static void find_in(struct scene *scene, size_t step, uint64_t cookie, unsigned int state,
		    const struct event_task *holder)
{
	struct event_flow flow = server_flow(cookie);
	struct event_scan record = make_scan(cookie, &flow, state, holder, 7,
					     scene->kernel.now_ns + step * STEP_NS + NS_PER_MS);

	scene->known_in[scene->known_count] = step;
	know(scene, &record);
}

/* The next drain has this transition. */
static void now_comes(struct scene *scene, uint64_t cookie, unsigned int from, unsigned int to)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e = make_transition(cookie, &flow, from, to, scene->kernel.now_ns);

	kernel_tell(&scene->kernel, &e);
}

static void reconcile_now(struct scene *scene)
{
	scene->plan.reconcile_at_ns = scene->kernel.now_ns;
	scene->plan.pace.not_before_ns[SCAN_LOSSES] = 0;
	turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_LOSSES);
}

static void finish(struct scene *scene)
{
	for (int i = 0; scene->plan.job.purpose; i++) {
		assert_in_range(i, 0, 20);
		turn(scene);
	}
}

/* It was seen open by the first step and is closed before the second. */
static void what_is_closed_between_steps_stays_closed(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	open_before(scene, 1);
	open_before(scene, 2);
	find_in(scene, 0, 1, TCP_ESTABLISHED, &server);
	find_in(scene, 0, 2, TCP_ESTABLISHED, &server);
	find_in(scene, 0, 3, TCP_ESTABLISHED, &server); /* not known before */
	find_in(scene, 2, 2, TCP_CLOSE_WAIT, NULL);
	reconcile_now(scene);
	assert_non_null(world_find(scene->world, 3));
	now_comes(scene, 1, TCP_ESTABLISHED, TCP_CLOSE);
	now_comes(scene, 2, TCP_ESTABLISHED, TCP_CLOSE_WAIT);
	now_comes(scene, 3, TCP_ESTABLISHED, TCP_CLOSE);
	finish(scene);
	assert_null(world_find(scene->world, 1));
	assert_null(world_find(scene->world, 3));
	assert_int_equal(world_find(scene->world, 2)->state, TCP_CLOSE_WAIT);
	assert_true(world_find(scene->world, 2)->since_known);
	assert_int_equal(scene->world->tracker.gaps, 0);
	scene_free(scene);
}

/* The part of the kernel where it is had been read when it was opened. */
static void what_is_opened_between_steps_stays(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	open_before(scene, 1);
	reconcile_now(scene);
	now_comes(scene, 2, TCP_SYN_RECV, TCP_ESTABLISHED);
	finish(scene);
	assert_null(world_find(scene->world, 1)); /* gone: no step has found it */
	assert_non_null(world_find(scene->world, 2));
	scene_free(scene);
}

/* Not found, but a record that came meanwhile says that it is there. */
static void a_record_after_the_beginning_saves_a_socket(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	open_before(scene, 1);
	reconcile_now(scene);
	now_comes(scene, 1, TCP_ESTABLISHED, TCP_CLOSE_WAIT);
	finish(scene);
	assert_int_equal(world_find(scene->world, 1)->state, TCP_CLOSE_WAIT);
	scene_free(scene);
}

/* The last step saw another state than the records tell: one was lost after the first step. */
static void a_gap_is_judged_by_the_latest_that_was_seen(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	open_before(scene, 1);
	find_in(scene, 0, 1, TCP_ESTABLISHED, &server);
	find_in(scene, 2, 1, TCP_CLOSE_WAIT, NULL);
	reconcile_now(scene);
	finish(scene);
	assert_int_equal(world_find(scene->world, 1)->state, TCP_CLOSE_WAIT);
	assert_int_equal(scene->world->tracker.gaps, 1);
	assert_false(world_find(scene->world, 1)->since_known);
	scene_free(scene);
}

/* accept() came after the step that read the descriptors of the one who called it. A child that was
 * read later has a copy. */
static void who_accepts_between_steps_owns(void **state)
{
	static const struct event_task child = {.start_ns = 900, .tgid = 201, .comm = "child"};
	struct scene *scene = scene_in_steps(3);
	struct tcp_socket *socket;
	struct process *process;

	(void)state;
	open_before(scene, 1);
	find_in(scene, 2, 1, TCP_ESTABLISHED, &child);
	reconcile_now(scene);
	socket = world_find(scene->world, 1);
	process = process_table_get(scene->world->tracker.processes, &server);
	owner_learn(socket, process, OWNER_ACCEPT);
	finish(scene);
	assert_ptr_equal(world_find(scene->world, 1)->owner, process);
	/* The healthy twin: it was told before, and then passed on. */
	find_in(scene, 0, 1, TCP_ESTABLISHED, &child);
	reconcile_now(scene);
	finish(scene);
	assert_string_equal(world_find(scene->world, 1)->owner->comm, "child");
	scene_free(scene);
}

/* Doubts about mini-sockets that come up while a scan runs are not answered by it. The next scan is
 * due when this one is paid for: after twenty times the 300 ms that it took. */
static void a_loss_between_steps_needs_another_scan(void **state)
{
	struct scene *scene = scene_in_steps(3);
	size_t scans;

	(void)state;
	scene->kernel.scan_ns = 100 * NS_PER_MS;
	scene->kernel.ledger.lost[LOST_RING_FULL] = 1;
	turn(scene);
	scene->kernel.now_ns += NS_PER_S;
	turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_LOSSES);
	assert_false(scene->world->tracker.minis_doubted);
	scene->kernel.ledger.lost[LOST_RING_FULL] = 2;
	scans = scene->kernel.scans;
	finish(scene);
	assert_true(scene->world->tracker.minis_doubted);
	assert_int_not_equal(scene->plan.reconcile_at_ns, UINT64_MAX);
	scene->kernel.now_ns += 5 * NS_PER_S;
	turn(scene);
	assert_int_equal(scene->kernel.scans, scans);
	scene->kernel.now_ns += NS_PER_S;
	turn(scene);
	finish(scene);
	assert_int_equal(scene->kernel.scans, scans + 1);
	assert_false(scene->world->tracker.minis_doubted);
	assert_int_equal(scene->plan.reconcile_at_ns, UINT64_MAX);
	scene_free(scene);
}

/* A scan that fails in its middle leaves things as they were. */
/* Each turn loses records and finds a gap, also during scans, which may be long, and may fail. All
 * scans that this causes take a twentieth of a CPU together; the last one is not paid for yet. */
static void losses_without_end_take_their_share(void **state)
{
	static const size_t steps[] = {1, 8, 75, 300};
	const uint64_t end_ns = START_NS + 600 * NS_PER_S;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
		struct scene *scene = scene_in_steps(steps[i / 2]);
		uint64_t scan_ns = steps[i / 2] * STEP_NS, spent_ns = 0;

		scene->kernel.scan_error = i % 2 ? -ENOMEM : 0;
		while (scene->kernel.now_ns < end_ns) {
			uint64_t before_ns;

			scene->kernel.now_ns += 20 * NS_PER_MS;
			scene->kernel.ledger.lost[LOST_RING_FULL] += 100;
			scene->world->tracker.gaps++;
			before_ns = scene->kernel.now_ns;
			turn(scene);
			spent_ns += scene->kernel.now_ns - before_ns;
		}
		assert_in_range(scene->kernel.scans, 600 * NS_PER_S / (20 * scan_ns + 6 * NS_PER_S),
				600 / 3 + 1);
		assert_in_range(spent_ns, 0,
				(scene->kernel.now_ns - START_NS) / SCAN_SHARE + scan_ns);
		scene_free(scene);
	}
}

static void a_scan_that_fails_in_its_middle_decides_nothing(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	open_before(scene, 1);
	mini_doubt(&scene->world->tracker);
	reconcile_now(scene);
	assert_false(scene->world->tracker.minis_doubted);
	scene->kernel.scan_error = -ENOMEM;
	turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_NONE);
	assert_non_null(world_find(scene->world, 1));
	assert_true(scene->world->tracker.minis_doubted);
	scene->kernel.scan_error = 0;
	scene->kernel.now_ns += 3 * NS_PER_S;
	turn(scene);
	finish(scene);
	assert_null(world_find(scene->world, 1));
	scene_free(scene);
}

/* Its descriptor is found by the last step; it is closed before that. */
static void a_leak_is_judged_after_the_last_step(void **state)
{
	struct scene *scene = scene_in_steps(4);

	(void)state;
	enter(scene->world, 1, START_NS);
	enter(scene->world, 2, START_NS);
	know_idle(scene, 1, &server);
	know_idle(scene, 2, &server);
	scene->known_in[1] = 2;
	scene->kernel.now_ns = START_NS + 10 * NS_PER_S;
	turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_LEAKS);
	assert_int_equal(scene->world->leak_count, 0);
	now_comes(scene, 1, TCP_CLOSE_WAIT, TCP_LAST_ACK);
	finish(scene);
	assert_int_equal(scene->world->leak_count, 1);
	assert_int_equal(scene->world->leak_notes[0].leak.cookie, 2);
	scene_free(scene);
}

/* What comes between steps is taken in before the next one, but not for ever. */
static void steps_wait_for_records(void **state)
{
	static struct event_transition flood;
	struct scene *scene = scene_in_steps(3);
	struct event_flow flow = server_flow(1000);
	uint64_t began_ns;

	(void)state;
	reconcile_now(scene);
	assert_int_equal(scene->kernel.step, 1);
	flood = make_transition(1000, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS);
	scene->kernel.flood = &flood;
	scene->kernel.flood_ns = 10 * NS_PER_US;
	scene->kernel.backlog = 10 * NS_PER_S / scene->kernel.flood_ns;
	began_ns = scene->kernel.now_ns;
	turn(scene);
	assert_int_equal(scene->kernel.step, 1);
	while (scene->kernel.step == 1)
		turn(scene);
	assert_in_range(scene->kernel.now_ns - began_ns, 50 * NS_PER_MS, 110 * NS_PER_MS);
	scene_free(scene);
}

/* The end does not wait for a scan that is in its middle, and asks for everything once more. */
static void the_last_scan_is_a_whole_one(void **state)
{
	struct scene *scene = scene_in_steps(3);

	(void)state;
	enter(scene->world, 1, START_NS);
	know_idle(scene, 1, &server);
	scene->kernel.now_ns = START_NS + 10 * NS_PER_S;
	turn(scene);
	assert_int_equal(scene->plan.job.purpose, SCAN_LEAKS);
	assert_int_equal(scan_plan_finish(&scene->plan), 0);
	assert_int_equal(scene->kernel.scans, 2);
	assert_int_equal(scene->kernel.step, 3);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_int_equal(scene->world->leak_count, 1);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_closed_between_steps_stays_closed),
		cmocka_unit_test(what_is_opened_between_steps_stays),
		cmocka_unit_test(a_record_after_the_beginning_saves_a_socket),
		cmocka_unit_test(a_gap_is_judged_by_the_latest_that_was_seen),
		cmocka_unit_test(who_accepts_between_steps_owns),
		cmocka_unit_test(a_loss_between_steps_needs_another_scan),
		cmocka_unit_test(losses_without_end_take_their_share),
		cmocka_unit_test(a_scan_that_fails_in_its_middle_decides_nothing),
		cmocka_unit_test(a_leak_is_judged_after_the_last_step),
		cmocka_unit_test(steps_wait_for_records),
		cmocka_unit_test(the_last_scan_is_a_whole_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
