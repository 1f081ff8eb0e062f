// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "scene.h"

static void run_at(struct scene *scene, uint64_t time_ns)
{
	scene->kernel.now_ns = time_ns;
	assert_int_equal(scan_plan_run(&scene->plan), 0);
}

/* A transition of cookie's connection, during the next scan. */
static void meanwhile(struct scene *scene, uint64_t cookie, unsigned int from, unsigned int to)
{
	struct event_flow flow = server_flow(cookie);

	scene->meanwhile = make_transition(cookie, &flow, from, to, scene->kernel.now_ns);
}

static struct scan_result first_scan(struct scene *scene)
{
	struct scan_result result = {0};

	assert_int_equal(scan_plan_begin_first(&scene->plan, &result), 0);
	assert_int_equal(scene->kernel.drains, 0); /* the start line comes before all records */
	return result;
}

static void the_first_scan_asks_for_all_and_later_records_win(void **state)
{
	struct scene *scene = scene_new();
	struct scan_result result;

	(void)state;
	know_idle(scene, 1, &server);
	know_idle(scene, 2, &server);
	meanwhile(scene, 2, TCP_CLOSE_WAIT, TCP_LAST_ACK);
	result = first_scan(scene);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_int_equal(scene->kernel.asked.mini_states, SCAN_ALL_STATES);
	assert_true(scene->kernel.asked.descriptors && scene->kernel.asked.all_tables);
	assert_int_equal(result.sockets, 2);
	assert_int_equal(world_find(scene->world, 2)->state, TCP_CLOSE_WAIT);
	assert_int_equal(scene->world->leak_count, 0);
	assert_int_equal(scan_plan_finish_first(&scene->plan, &result), 0);
	assert_int_equal(world_find(scene->world, 2)->state, TCP_LAST_ACK);
	/* Idle for a minute: old enough for a report without another scan. */
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->world->leak_count, 1);
	assert_int_equal(scene->world->leak_notes[0].leak.cookie, 1);
	scan_result_clear(&result);
	scene_free(scene);
}

static void a_first_scan_that_fails_says_so(void **state)
{
	struct scene *scene = scene_new();
	struct scan_result result = {0};

	(void)state;
	scene->kernel.scan_error = -EPERM;
	assert_int_equal(scan_plan_begin_first(&scene->plan, &result), -EPERM);
	assert_int_equal(result.count, 0);
	scene_free(scene);
}

/* Nothing is due by itself but a look of the findings. */
static void without_work_there_is_no_scan(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	assert_int_equal(scan_plan_deadline(&scene->plan), START_NS + NS_PER_S);
	for (int i = 1; i <= 60; i++) {
		run_at(scene, START_NS + i * NS_PER_S);
		scan_plan_look(&scene->plan);
		assert_int_equal(scan_plan_deadline(&scene->plan), scene->kernel.now_ns + NS_PER_S);
	}
	assert_int_equal(scene->kernel.scans, 0);
	scene_free(scene);
}

/* A socket that is in order. */
static void know_open(struct scene *scene, uint64_t cookie)
{
	struct event_flow flow = server_flow(cookie);
	struct event_scan record = make_scan(cookie, &flow, TCP_ESTABLISHED, &server, 7, START_NS);

	know(scene, &record);
}

/* A second after a loss, and every three seconds while losses go on. */
static void losses_are_mended_by_a_scan(void **state)
{
	struct scene *scene = scene_new();
	uint64_t mended_ns = START_NS + NS_PER_S;

	(void)state;
	know_open(scene, 1);
	scene->kernel.ledger.lost[LOST_RING_FULL] = 1;
	run_at(scene, START_NS);
	assert_true(scene->world->tracker.minis_doubted);
	assert_int_equal(scan_plan_deadline(&scene->plan), mended_ns);
	run_at(scene, mended_ns - 1);
	assert_int_equal(scene->kernel.scans, 0);
	run_at(scene, mended_ns);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_non_null(world_find(scene->world, 1));
	assert_false(scene->world->tracker.minis_doubted);
	for (int i = 1; i <= 5; i++) {
		scene->kernel.ledger.lost[LOST_RING_FULL]++;
		run_at(scene, mended_ns + i);
	}
	run_at(scene, mended_ns + 3 * NS_PER_S - 1);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_int_equal(scene->kernel.scans, 1);
	run_at(scene, mended_ns + 3 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2);
	run_at(scene, mended_ns + 9 * NS_PER_S); /* no new loss */
	assert_int_equal(scene->kernel.scans, 2);
	scene_free(scene);
}

static void a_gap_is_a_loss_and_a_failed_scan_is_repeated(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(scene->world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	assert_int_equal(scene->world->tracker.gaps, 1);
	scene->kernel.scan_error = -ENOMEM;
	run_at(scene, START_NS);
	run_at(scene, START_NS + NS_PER_S);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->plan.scans_failed, 1);
	assert_non_null(world_find(scene->world, 1)); /* what was known stays */
	scene->kernel.scan_error = 0;
	run_at(scene, START_NS + 4 * NS_PER_S - 1);
	assert_int_equal(scene->kernel.scans, 1);
	run_at(scene, START_NS + 4 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2);
	assert_int_equal(scene->plan.scans_failed, 0);
	assert_null(world_find(scene->world, 1)); /* the kernel has no such socket */
	scene_free(scene);
}

/* What the scan itself finds wrong it has put right. */
static void gaps_that_a_scan_finds_need_no_other(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(scene->world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS - NS_PER_S,
		   NULL);
	know_idle(scene, 1, &server);
	scene->plan.reconcile_at_ns = START_NS;
	run_at(scene, START_NS);
	assert_int_equal(world_find(scene->world, 1)->state, TCP_CLOSE_WAIT);
	assert_int_equal(scene->world->tracker.gaps, 1);
	run_at(scene, START_NS + 1);
	assert_int_equal(scene->plan.reconcile_at_ns, UINT64_MAX);
	scene_free(scene);
}

/* A FIN_WAIT1 > FIN_WAIT2 that coalesce holds has not been lost. */
static void what_is_held_back_is_no_gap(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1);
	uint64_t fin_ns = START_NS - NS_PER_S, ack_ns = START_NS - 50 * NS_PER_MS;
	struct event_transition ack =
		make_transition(1, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, ack_ns);
	struct event_scan record = make_scan(1, &flow, TCP_FIN_WAIT2, &server, 7, START_NS);

	(void)state;
	world_step(scene->world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, fin_ns - 1, NULL);
	world_step(scene->world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, fin_ns, NULL);
	intake_record(scene->plan.intake, &ack, ack.header.size);
	know(scene, &record);
	scene->plan.reconcile_at_ns = START_NS;
	run_at(scene, START_NS);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(world_find(scene->world, 1)->state, TCP_FIN_WAIT2);
	assert_int_equal(world_find(scene->world, 1)->since_ns, ack_ns);
	assert_true(world_find(scene->world, 1)->since_known);
	assert_int_equal(scene->world->tracker.gaps, 0);
	scene_free(scene);
}

/* The descriptors are asked alone where they have all that is due. */
static void a_leak_is_judged_by_the_cheapest_scan(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	enter(scene->world, 1, START_NS);
	assert_int_equal(scan_plan_deadline(&scene->plan), START_NS + NS_PER_S); /* a look */
	scene->plan.look_at_ns = UINT64_MAX;
	assert_int_equal(scan_plan_deadline(&scene->plan), START_NS + 10 * NS_PER_S);
	know_idle(scene, 1, &server);
	know_idle(scene, 2, NULL);
	run_at(scene, START_NS + 10 * NS_PER_S - 1);
	assert_int_equal(scene->kernel.scans, 0);
	run_at(scene, START_NS + 10 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 1);
	assert_true(scene->kernel.asked.descriptors);
	assert_false(scan_request_tables(&scene->kernel.asked));
	assert_int_equal(scene->kernel.asked.states, 1u << TCP_CLOSE_WAIT | 1u << TCP_LISTEN);
	assert_int_equal(scene->world->leak_count, 1);
	enter(scene->world, 2, START_NS + 10 * NS_PER_S);
	run_at(scene, START_NS + 20 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 3);     /* not found: the tables as well */
	assert_false(scene->kernel.asked.all_tables); /* only where it may be */
	assert_true(scan_request_has_netns(&scene->kernel.asked, NETNS));
	assert_false(scan_request_has_netns(&scene->kernel.asked, NETNS + 1));
	assert_int_equal(scene->world->leak_count, 2);
	scene_free(scene);
}

static void what_is_closed_during_the_scan_is_no_leak(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	enter(scene->world, 1, START_NS);
	know_idle(scene, 1, &server);
	scene->kernel.now_ns += 10 * NS_PER_S;
	meanwhile(scene, 1, TCP_CLOSE_WAIT, TCP_LAST_ACK);
	run_at(scene, scene->kernel.now_ns);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->world->leak_count, 0);
	scene_free(scene);
}

/* Eight times as long as the scan took, but from 100 to 500 ms. */
static void leak_scans_leave_pauses(void **state)
{
	static const uint64_t took_ms[] = {0, 12, 13, 50, 1000},
			      pause_ms[] = {100, 100, 104, 400, 500};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(took_ms); i++) {
		struct scene *scene = scene_new();
		uint64_t ended_ns = START_NS + 10 * NS_PER_S + took_ms[i] * NS_PER_MS;

		enter(scene->world, 1, START_NS);
		enter(scene->world, 2, START_NS + 1);
		know_idle(scene, 1, &server);
		know_idle(scene, 2, &server);
		scene->kernel.scan_ns = took_ms[i] * NS_PER_MS;
		run_at(scene, START_NS + 10 * NS_PER_S);
		assert_int_equal(scene->world->leak_count, 1);
		scene->plan.look_at_ns = UINT64_MAX;
		assert_int_equal(scan_plan_deadline(&scene->plan),
				 ended_ns + pause_ms[i] * NS_PER_MS);
		run_at(scene, ended_ns + pause_ms[i] * NS_PER_MS - 1);
		assert_int_equal(scene->kernel.scans, 1);
		run_at(scene, ended_ns + pause_ms[i] * NS_PER_MS);
		assert_int_equal(scene->world->leak_count, 2);
		scene_free(scene);
	}
}

static void a_leak_scan_that_fails_is_repeated_after_a_second(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	enter(scene->world, 1, START_NS);
	know_idle(scene, 1, &server);
	scene->kernel.scan_error = -ENOMEM;
	run_at(scene, START_NS + 10 * NS_PER_S);
	scene->kernel.scan_error = 0;
	run_at(scene, START_NS + 11 * NS_PER_S - 1);
	assert_int_equal(scene->kernel.scans, 1);
	run_at(scene, START_NS + 11 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2);
	assert_int_equal(scene->world->leak_count, 1);
	scene_free(scene);
}

/* The kernel has no such socket: its end was lost, and others may have been. */
static void a_socket_that_is_missing_asks_for_a_full_scan(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	enter(scene->world, 1, START_NS);
	run_at(scene, START_NS + 10 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2); /* descriptors, then tables */
	assert_non_null(world_find(scene->world, 1));
	run_at(scene, START_NS + 10 * NS_PER_S + 1);
	assert_int_equal(scene->kernel.scans, 3);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_null(world_find(scene->world, 1));
	scene_free(scene);
}

/* A listener of which the kernel says that its queue is full. */
static void listen_at_80(struct scene *scene)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_scan scan = make_scan(5000, &flow, TCP_LISTEN, NULL, 0, START_NS);

	world_step(scene->world, 5000, &flow, TCP_CLOSE, TCP_LISTEN, START_NS - NS_PER_S, &server);
	scan.recv_queue = 11;
	scan.send_queue = 10;
	know(scene, &scan);
	for (uint64_t cookie = 1; cookie <= 11; cookie++) {
		flow = server_flow(cookie);
		world_step(scene->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
			   START_NS - 10 * NS_PER_S, NULL);
	}
}

static void look_at(struct scene *scene, uint64_t time_ns)
{
	scene->kernel.now_ns = time_ns;
	scan_plan_look(&scene->plan);
}

/* Records before and during the scan are taken in before anything is judged. */
static void a_look_scans_between_its_halves(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(20);
	struct event_transition early =
		make_transition(20, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + NS_PER_S);

	(void)state;
	listen_at_80(scene);
	kernel_tell(&scene->kernel, &early);
	scene->kernel.now_ns += NS_PER_S;
	meanwhile(scene, 21, TCP_SYN_RECV, TCP_ESTABLISHED);
	look_at(scene, START_NS + NS_PER_S - 1);
	assert_int_equal(scene->kernel.scans + scene->kernel.drains, 0);
	scene->kernel.scan_ns = NS_PER_MS;
	for (int i = 1; i <= 15 && !scene->found; i++)
		look_at(scene, START_NS + i * NS_PER_S);
	assert_int_equal(scene->found, 1);
	assert_int_equal(scene->kernel.asked.states & 1u << TCP_LISTEN, 1u << TCP_LISTEN);
	assert_int_equal(scene->kernel.drains, 2 * scene->kernel.scans);
	assert_non_null(world_find(scene->world, 20));
	assert_non_null(world_find(scene->world, 21));
	scene_free(scene);
}

/* A two-hundredth of the CPU time, but not for so long that findings come late; here a connection
 * that waits in FIN_WAIT2 has settings read. */
static void looks_leave_pauses(void **state)
{
	static const uint64_t took_ms[] = {0, 5, 6, 50}, pause_ms[] = {1000, 1000, 1200, 3000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(took_ms); i++) {
		struct scene *scene = scene_new();
		struct event_flow flow = server_flow(1);

		world_step(scene->world, 1, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
			   START_NS - 30 * NS_PER_S, NULL);
		scene->kernel.settings_ns = took_ms[i] * NS_PER_MS;
		look_at(scene, START_NS + NS_PER_S);
		assert_int_equal(scene->kernel.settings_read, 1);
		assert_int_equal(scene->kernel.scans, 0);
		assert_int_equal(scan_plan_deadline(&scene->plan),
				 START_NS + NS_PER_S + pause_ms[i] * NS_PER_MS);
		scene_free(scene);
	}
}

static uint64_t little_cpu(struct source *source)
{
	(void)source;
	return 0;
}

/* A machine on which each look waits for a CPU for 60 ms. */
static void waiting_for_a_cpu_is_no_cost_of_a_look(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(1);
	struct source_ops ops = *scene->kernel.source.ops;

	(void)state;
	ops.cpu_time = little_cpu;
	scene->kernel.source.ops = &ops;
	world_step(scene->world, 1, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS - 30 * NS_PER_S,
		   NULL);
	scene->kernel.settings_ns = 60 * NS_PER_MS;
	look_at(scene, START_NS + NS_PER_S);
	assert_int_equal(scene->kernel.settings_read, 1);
	assert_int_equal(scan_plan_deadline(&scene->plan), START_NS + 2 * NS_PER_S);
	scene_free(scene);
}

/* At most a hundredth of the time, and every two seconds; the looks between them go on. */
static void scans_of_looks_have_a_budget(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	listen_at_80(scene);
	look_at(scene, START_NS + NS_PER_S);
	look_at(scene, START_NS + 2 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 1);
	look_at(scene, START_NS + 3 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2);
	scene_free(scene);
	scene = scene_new();
	listen_at_80(scene);
	scene->kernel.scan_ns = 50 * NS_PER_MS;
	look_at(scene, START_NS + NS_PER_S);
	assert_int_equal(scene->kernel.scans, 1);
	/* The time of the scan is not the look's. */
	assert_int_equal(scan_plan_deadline(&scene->plan), START_NS + 2 * NS_PER_S);
	for (int i = 2; i <= 5; i++)
		look_at(scene, START_NS + i * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 1);
	look_at(scene, START_NS + 6 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 2);
	scene->kernel.scan_error = -ENOMEM;
	scene->kernel.scan_ns = 0;
	look_at(scene, START_NS + 11 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 3);
	look_at(scene, START_NS + 20 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 3);
	look_at(scene, START_NS + 21 * NS_PER_S);
	assert_int_equal(scene->kernel.scans, 4);
	scene_free(scene);
}

static void mini_sockets_are_asked_for_before_a_summary(void **state)
{
	struct scene *scene = scene_new();
	struct event_flow flow = server_flow(7);
	struct event_scan mini = make_scan_mini(7, &flow, TCP_TIME_WAIT, 0, START_NS);

	(void)state;
	know(scene, &mini);
	know_idle(scene, 1, NULL);
	assert_int_equal(scan_plan_minis(&scene->plan), 0);
	assert_int_equal(scene->kernel.asked.states, 0);
	assert_int_equal(scene->kernel.asked.mini_states, SCAN_ALL_STATES);
	assert_false(scene->kernel.asked.descriptors);
	assert_int_equal(scene->kernel.drains, 2);
	assert_non_null(world_find_mini(scene->world, 7));
	assert_null(world_find(scene->world, 1));
	scene->known_count = 0;
	scene->kernel.now_ns += NS_PER_S;
	scene->kernel.scan_error = -ENOMEM; /* what was known stays */
	assert_int_equal(scan_plan_minis(&scene->plan), 0);
	assert_non_null(world_find_mini(scene->world, 7));
	scene->kernel.scan_error = 0;
	assert_int_equal(scan_plan_minis(&scene->plan), 0);
	assert_null(world_find_mini(scene->world, 7));
	scene_free(scene);
}

/* Without a command a leak has to be old enough also then. */
static void the_last_scan_judges_what_is_due(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	enter(scene->world, 1, START_NS);
	enter(scene->world, 2, START_NS + NS_PER_S);
	know_idle(scene, 1, &server);
	know_idle(scene, 2, &server);
	scene->kernel.now_ns += 10 * NS_PER_S;
	assert_int_equal(scan_plan_finish(&scene->plan), 0);
	assert_int_equal(scene->kernel.scans, 1);
	assert_int_equal(scene->kernel.asked.states, SCAN_ALL_STATES);
	assert_int_equal(scene->world->leak_count, 1);
	assert_int_equal(scene->world->leak_notes[0].leak.cookie, 1);
	scene->kernel.scan_error = -EPERM;
	assert_int_equal(scan_plan_finish(&scene->plan), -EPERM);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_scan_asks_for_all_and_later_records_win),
		cmocka_unit_test(a_first_scan_that_fails_says_so),
		cmocka_unit_test(without_work_there_is_no_scan),
		cmocka_unit_test(losses_are_mended_by_a_scan),
		cmocka_unit_test(a_gap_is_a_loss_and_a_failed_scan_is_repeated),
		cmocka_unit_test(gaps_that_a_scan_finds_need_no_other),
		cmocka_unit_test(what_is_held_back_is_no_gap),
		cmocka_unit_test(a_leak_is_judged_by_the_cheapest_scan),
		cmocka_unit_test(what_is_closed_during_the_scan_is_no_leak),
		cmocka_unit_test(leak_scans_leave_pauses),
		cmocka_unit_test(a_leak_scan_that_fails_is_repeated_after_a_second),
		cmocka_unit_test(a_socket_that_is_missing_asks_for_a_full_scan),
		cmocka_unit_test(a_look_scans_between_its_halves),
		cmocka_unit_test(looks_leave_pauses),
		cmocka_unit_test(waiting_for_a_cpu_is_no_cost_of_a_look),
		cmocka_unit_test(scans_of_looks_have_a_budget),
		cmocka_unit_test(mini_sockets_are_asked_for_before_a_summary),
		cmocka_unit_test(the_last_scan_judges_what_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
