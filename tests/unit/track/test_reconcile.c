// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#define MS	NS_PER_MS
#define SCAN_NS (START_NS + NS_PER_S)

static const struct options everything;

static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};

static void unknown_sockets_enter_with_unknown_start(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);
	struct tcp_socket *socket;

	(void)state;
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &server);
	scan_add_socket(&result, 2, TCP_FIN_WAIT2, NULL);
	world_reconcile(world, &result);
	assert_int_equal(socket_table_count(world->tracker.sockets), 2);
	assert_int_equal(world->found_count, 2);
	assert_int_equal(world->tracker.gaps, 0);
	socket = world_find(world, 1);
	assert_int_equal(socket->state, TCP_ESTABLISHED);
	assert_false(socket->since_known);
	assert_int_equal(socket->since_ns, SCAN_NS + MS);
	assert_int_equal(socket->write_seq, 111);
	assert_int_equal(socket->copied_seq, 222);
	assert_int_equal(socket->flow.remote_port, 1025);
	assert_int_equal(socket->role, ROLE_UNKNOWN);
	assert_ptr_equal(socket->owner, world_process(world, &server));
	assert_int_equal(socket->owner_source, OWNER_SNAPSHOT);
	assert_null(world_find(world, 2)->owner);
	/* The lifetime in its first state is unknown, that in the next one is known. */
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS + 10 * MS, NULL);
	assert_int_equal(world_last(world)->change.lifetime_ns, DURATION_UNKNOWN);
	world_step(world, 1, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, SCAN_NS + 12 * MS, &server);
	assert_int_equal(world_last(world)->change.lifetime_ns, 2 * MS);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

static void vanished_sockets_leave(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);
	struct process *process = world_process(world, &worker);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS + 5 * MS, NULL);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &worker);
	scan_add_socket(&result, 2, TCP_SYN_SENT, &worker);
	world->left_count = 0;
	world_reconcile(world, &result);
	assert_null(world_find(world, 1));
	assert_non_null(world_find(world, 2));
	assert_int_equal(world->left_count, 1);
	assert_int_equal(world->left[0].cookie, 1);
	assert_int_equal(world->left[0].state, TCP_CLOSE_WAIT);
	assert_int_equal(world->left[0].time_ns, 0);
	/* The samples that waited for an owner are not lost. */
	assert_int_equal(
		process_count(process_table_unknown(world->tracker.processes), TCP_ESTABLISHED), 1);
	assert_int_equal(process->sockets, 1);
	world_free(world);
}

static void namespaces_not_covered_are_left_alone(void **state)
{
	struct event_flow flow = server_flow(1);
	struct event_transition e =
		make_transition(2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS);

	(void)state;
	e.header.netns = OTHER_NETNS;
	for (int unseen = 0; unseen < 3; unseen++) {
		struct world *world = world_new(&everything);
		struct scan_result result = scan_new(SCAN_NS);

		world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
		world_feed(world, &e);
		if (unseen == 1) /* it is known to exist */
			assert_int_equal(scan_result_add_unseen(&result, OTHER_NETNS), 0);
		if (unseen == 2) /* nothing is known about it */
			result.others_gone = false;
		world_reconcile(world, &result);
		assert_null(world_find(world, 1));
		assert_int_equal(world_find(world, 2) != NULL, unseen > 0);
		world_free(world);
	}
}

/* Between the two steps the records that came during the scan are handled. */
static void newer_records_win(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 4; cookie++)
		world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	scan_add_socket(&result, 1, TCP_ESTABLISHED, NULL); /* changed after the scan saw it */
	scan_add_socket(&result, 2, TCP_CLOSE_WAIT,
			NULL); /* changed before, its record comes later */
	scan_add_socket(&result, 3, TCP_ESTABLISHED, NULL); /* closed after */
	scan_add_socket(&result, 5, TCP_ESTABLISHED, NULL); /* not known yet, and changed after */
	scan_result_finish(&result);
	reconcile_begin(&world->tracker, &result);
	reconcile_learn(&world->tracker, &result);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS + 2 * MS, NULL);
	world_step(world, 2, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS - 20 * MS, NULL);
	world_step(world, 3, &flow, TCP_ESTABLISHED, TCP_CLOSE, SCAN_NS + 2 * MS, NULL);
	world_step(world, 5, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS + 2 * MS, NULL);
	world_step(world, 6, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, SCAN_NS + 3 * MS, NULL);
	reconcile_end(&world->tracker, &result);
	scan_result_clear(&result);

	assert_int_equal(world_find(world, 1)->state, TCP_CLOSE_WAIT);
	assert_true(world_find(world, 1)->since_known);
	assert_int_equal(world_find(world, 2)->state, TCP_CLOSE_WAIT);
	assert_true(world_find(world, 2)->since_known);
	assert_int_equal(world_find(world, 2)->since_ns, SCAN_NS - 20 * MS);
	assert_null(world_find(world, 3));
	assert_null(world_find(world, 4)); /* the scan did not see it, nor did it change */
	assert_int_equal(world_find(world, 5)->state, TCP_CLOSE_WAIT);
	assert_non_null(world_find(world, 6)); /* created after the scan read its table */
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* The scan saw a state whose record comes later; the record has its time. */
static void older_records_of_found_sockets_tell_the_time(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	scan_add_socket(&result, 1, TCP_CLOSE_WAIT, &server);
	scan_result_finish(&result);
	reconcile_begin(&world->tracker, &result);
	reconcile_learn(&world->tracker, &result);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS - 50 * MS, NULL);
	reconcile_end(&world->tracker, &result);
	scan_result_clear(&result);
	assert_int_equal(world_last(world)->change.lifetime_ns, DURATION_UNKNOWN);
	assert_int_equal(world_find(world, 1)->state, TCP_CLOSE_WAIT);
	assert_true(world_find(world, 1)->since_known);
	assert_int_equal(world_find(world, 1)->since_ns, SCAN_NS - 50 * MS);
	world_free(world);
}

/* The scan counts more than the table if a record was lost. */
static void lost_changes_are_put_right(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);
	struct tcp_socket *socket;

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	scan_add_socket(&result, 1, TCP_CLOSE_WAIT, &server);
	world->left_count = world->found_count = 0;
	world_reconcile(world, &result);
	socket = world_find(world, 1);
	assert_int_equal(socket->state, TCP_CLOSE_WAIT);
	assert_false(socket->since_known);
	assert_int_equal(socket->since_ns, SCAN_NS + MS - 999 * 4 * MS);
	assert_int_equal(socket->write_seq, 111);
	assert_int_equal(socket->copied_seq, 222);
	assert_int_equal(world->left_count, 1);
	assert_int_equal(world->left[0].state, TCP_ESTABLISHED);
	assert_int_equal(world->left[0].time_ns, 0);
	assert_int_equal(world->found_count, 1);
	assert_int_equal(world->found[0].state, TCP_CLOSE_WAIT);
	assert_int_equal(world->tracker.gaps, 1);
	world_step(world, 1, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, SCAN_NS + 9 * MS, &server);
	assert_int_equal(world_last(world)->change.lifetime_ns, DURATION_UNKNOWN);
	assert_int_equal(process_count(world_process(world, &server), TCP_ESTABLISHED), 0);
	world_free(world);
}

/* The tracepoint comes before the state is written: a scan may see the old state after it. */
static void a_change_just_before_the_scan_stands(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, SCAN_NS - 1000, NULL);
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &server);
	world_reconcile(world, &result);
	assert_int_equal(world_find(world, 1)->state, TCP_CLOSE_WAIT);
	assert_true(world_find(world, 1)->since_known);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* The last ACK came with the FIN or after it: that is the least time in CLOSE_WAIT. */
static void the_last_ack_bounds_the_age_in_close_wait(void **state)
{
	static const struct {
		uint32_t ticks;
		uint64_t age_ns;
		unsigned int state;
	} cases[] = {
		{0, 0, TCP_CLOSE_WAIT},
		{1, 0, TCP_CLOSE_WAIT}, /* the resolution of a tick */
		{2, 4 * MS, TCP_CLOSE_WAIT},
		{15001, 60 * NS_PER_S, TCP_CLOSE_WAIT},
		{15001, 0, TCP_ESTABLISHED}, /* it does not matter in other states */
		{15001, 0, TCP_LAST_ACK},
		{UINT32_MAX, SCAN_NS + MS, TCP_CLOSE_WAIT}, /* not more than the uptime */
	};
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_flow flow = server_flow(1 + i);
		struct event_scan scan =
			make_scan(1 + i, &flow, cases[i].state, &server, (uint32_t)i, SCAN_NS + MS);

		scan.last_received_ticks = cases[i].ticks;
		scan_add(&result, &scan);
	}
	world_reconcile(world, &result);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tcp_socket *socket = world_find(world, 1 + i);

		assert_false(socket->since_known);
		assert_int_equal(SCAN_NS + MS - socket->since_ns, cases[i].age_ns);
	}
	world_free(world);
}

/* The record of its end was lost, and a descriptor shows it in CLOSE. */
static void sockets_that_a_scan_finds_closed_leave(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	scan_add_socket(&result, 1, TCP_CLOSE, &server);
	world->left_count = 0;
	world_reconcile(world, &result);
	assert_null(world_find(world, 1));
	assert_int_equal(world->left_count, 1);
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(world->found_count, 0);
	assert_int_equal(world_process(world, &server)->sockets, 0);
	world_free(world);
}

/* One scan finds a socket and the next does not. */
static void found_sockets_leave_too(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result first = scan_new(SCAN_NS), second = scan_new(SCAN_NS + NS_PER_S);

	(void)state;
	scan_add_socket(&first, 1, TCP_ESTABLISHED, &server);
	scan_add_socket(&first, 2, TCP_ESTABLISHED, &server);
	world_reconcile(world, &first);
	scan_add_socket(&second, 2, TCP_ESTABLISHED, &server);
	world_reconcile(world, &second);
	assert_null(world_find(world, 1));
	assert_non_null(world_find(world, 2));
	world_free(world);
}

static void scanning_again_changes_nothing(void **state)
{
	struct world *world = world_new(&everything);
	struct tcp_socket before;

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct scan_result result = scan_new(SCAN_NS + (uint64_t)round * NS_PER_S);

		scan_add_listener(&result, 1, 80, &server, 3, 0);
		scan_add_socket(&result, 2, TCP_CLOSE_WAIT, &worker);
		world_reconcile(world, &result);
		assert_int_equal(socket_table_count(world->tracker.sockets), 2);
		assert_int_equal(world->found_count, 2);
		assert_int_equal(world->left_count, 0);
		assert_int_equal(world->tracker.gaps, 0);
		assert_int_equal(world_process(world, &worker)->sockets, 1);
		if (round)
			assert_memory_equal(world_find(world, 2), &before, sizeof(before));
		before = *world_find(world, 2);
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_sockets_enter_with_unknown_start),
		cmocka_unit_test(vanished_sockets_leave),
		cmocka_unit_test(namespaces_not_covered_are_left_alone),
		cmocka_unit_test(newer_records_win),
		cmocka_unit_test(older_records_of_found_sockets_tell_the_time),
		cmocka_unit_test(lost_changes_are_put_right),
		cmocka_unit_test(a_change_just_before_the_scan_stands),
		cmocka_unit_test(the_last_ack_bounds_the_age_in_close_wait),
		cmocka_unit_test(sockets_that_a_scan_finds_closed_leave),
		cmocka_unit_test(found_sockets_leave_too),
		cmocka_unit_test(scanning_again_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
