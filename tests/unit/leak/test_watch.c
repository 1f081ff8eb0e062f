// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leaks.h"

#define MS	     NS_PER_MS
#define THRESHOLD_NS (10 * NS_PER_S)

static void nothing_waits_at_first(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);

	(void)state;
	assert_true(leak_watch_deadline(world->leaks) == UINT64_MAX);
	assert_int_equal(leak_watch_collect(world->leaks, UINT64_MAX - 1), 0);
	assert_null(leak_groups_next(
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS), NULL));
	world_free(world);
	leak_watch_free(NULL);
}

static void deadlines_come_in_order(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		enter(world, cookie, START_NS + cookie * NS_PER_S);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 11 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 11 * NS_PER_S - 1), 0);
	leave(world, 1, START_NS + 8 * NS_PER_S); /* the first, */
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 12 * NS_PER_S);
	leave(world, 3, START_NS + 8 * NS_PER_S); /* one between, */
	leave(world, 5, START_NS + 8 * NS_PER_S); /* and the last one */
	enter(world, 6, START_NS + 9 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 12 * NS_PER_S), 1);
	assert_int_equal(judge_idle(world, 1, 6, START_NS + 12 * NS_PER_S), 0);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.cookie, 2);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 14 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 60 * NS_PER_S), 2);
	assert_int_equal(judge_idle(world, 1, 6, START_NS + 60 * NS_PER_S), 0);
	assert_int_equal(world->leak_count, 3);
	assert_int_equal(world->leak_notes[1].leak.cookie, 4);
	assert_int_equal(world->leak_notes[2].leak.cookie, 6);
	assert_true(leak_watch_deadline(world->leaks) == UINT64_MAX);
	world_free(world);
}

/* Thousands of sockets: each is due exactly after the threshold. */
static void random_comings_and_goings_are_due_in_time(void **state)
{
	enum { SOCKETS = 3000 };
	struct world *world = leaks_new(THRESHOLD_NS);
	static uint64_t entered[SOCKETS + 1];
	uint64_t now_ns = START_NS;
	size_t reported = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= SOCKETS; cookie++) {
		uint64_t gone = 1 + random_below(cookie), first = UINT64_MAX;
		size_t due = 0;

		now_ns += random_below(20 * MS);
		enter(world, cookie, now_ns);
		entered[cookie] = now_ns;
		if (entered[gone]) {
			leave(world, gone, now_ns);
			entered[gone] = 0;
		}
		if (cookie % 50)
			continue;
		for (uint64_t i = 1; i <= cookie; i++) {
			if (!entered[i])
				continue;
			if (entered[i] + THRESHOLD_NS < first)
				first = entered[i] + THRESHOLD_NS;
			if (entered[i] + THRESHOLD_NS <= now_ns) {
				due++;
				entered[i] = 0;
			}
		}
		assert_true(leak_watch_deadline(world->leaks) == first);
		assert_int_equal(leak_watch_collect(world->leaks, now_ns), due);
		assert_int_equal(judge_idle(world, 1, cookie, now_ns), 0);
		reported += due;
		assert_int_equal(world->leak_count, reported);
	}
	assert_true(reported > 100);
	world_free(world);
}

static void a_leak_is_reported_once_with_its_age(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	const struct leak *leak = &world->leak_notes[0].leak;
	struct scan_result result = scan_new(START_NS);
	struct event_scan scan = idle(1, &server, START_NS + 11 * NS_PER_S);

	(void)state;
	enter(world, 1, START_NS);
	scan.recv_queue = 5;
	scan.last_sent_ticks = TICKS(9 * NS_PER_S); /* not after the peer's FIN */
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 11 * NS_PER_S), 1);
	scan_add(&result, &scan);
	assert_int_equal(judge(world, &result, START_NS + 11 * NS_PER_S), 0);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(leak->time_ns, START_NS + 11 * NS_PER_S);
	assert_int_equal(leak->cookie, 1);
	assert_int_equal(leak->age_ns, 11 * NS_PER_S);
	assert_false(leak->age_at_least);
	assert_ptr_equal(leak->process, world_process(world, &server));
	assert_int_equal(leak->role, ROLE_SERVER);
	assert_int_equal(leak->kind, LEAK_UNREAD);
	assert_false(leak->end_read);
	assert_int_equal(leak->recv_queue, 5);
	assert_int_equal(leak->send_queue, 0);
	assert_int_equal(world->leak_notes[0].flow.remote_port, 1025);
	assert_int_equal(world_process(world, &server)->leaks[LEAK_UNREAD], 1);

	assert_true(leak_watch_deadline(world->leaks) == UINT64_MAX);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 900 * NS_PER_S), 0);
	assert_int_equal(judge_idle(world, 1, 1, START_NS + 900 * NS_PER_S), 0);
	assert_int_equal(world->leak_count, 1);
	world_free(world);
}

static void a_reported_leak_has_an_end(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct scan_result result = scan_new(START_NS);
	struct event_scan scan = idle(1, &server, START_NS + 10 * NS_PER_S);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		enter(world, cookie, START_NS);
	enter(world, 4, START_NS + 5 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S), 3);
	scan.recv_queue = 1;
	scan_add(&result, &scan);
	scan = idle(2, &server, START_NS + 10 * NS_PER_S);
	scan_add(&result, &scan);
	scan = idle(3, &server, START_NS + 10 * NS_PER_S);
	scan_add(&result, &scan);
	judge(world, &result, START_NS + 10 * NS_PER_S);
	assert_int_equal(world->leak_count, 3);
	leave(world, 1, START_NS + 25 * NS_PER_S);
	leave(world, 4, START_NS + 26 * NS_PER_S); /* it was not reported */
	assert_int_equal(world->end_count, 1);
	assert_int_equal(world->ends[0].cookie, 1);
	assert_int_equal(world->ends[0].time_ns, START_NS + 25 * NS_PER_S);
	assert_int_equal(world->ends[0].age_ns, 25 * NS_PER_S);
	assert_false(world->ends[0].age_at_least);
	assert_int_equal(world->ends[0].kind, LEAK_UNREAD);
	assert_ptr_equal(world->ends[0].process, world_process(world, &server));
	/* Its end was not seen. */
	leak_watch_leave(world->leaks, world_find(world, 2), 0);
	assert_int_equal(world->end_count, 2);
	assert_true(world->ends[1].age_ns == DURATION_UNKNOWN);
	assert_int_equal(world->ends[1].kind, LEAK_UNCLOSED);
	leave(world, 1, START_NS + 30 * NS_PER_S); /* a second time: nothing is reported */
	assert_int_equal(world->end_count, 2);
	assert_int_equal(world_process(world, &server)->leaks[LEAK_UNCLOSED], 2);
	assert_int_equal(world_process(world, &server)->leaks[LEAK_UNREAD], 1);
	world_free(world);
}

/* It began before tcpwatch: its age is a lower bound and is reported as one, also at its end. */
static void leaks_from_before_have_bounded_ages(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct scan_result result = scan_new(START_NS);
	struct event_scan old = idle(1, &server, START_NS + MS);
	struct event_scan young = idle(2, &server, START_NS + MS);

	(void)state;
	old.last_received_ticks = TICKS(60 * NS_PER_S) + 1;
	young.last_received_ticks = TICKS(4 * NS_PER_S) + 1;
	scan_add(&result, &old);
	scan_add(&result, &young);
	world_reconcile(world, &result);
	/* One is due at once, the other after the threshold. */
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 5 * MS), 1);
	judge_idle(world, 1, 2, START_NS + 5 * MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.cookie, 1);
	assert_int_equal(world->leak_notes[0].leak.age_ns, 60 * NS_PER_S + 4 * MS);
	assert_true(world->leak_notes[0].leak.age_at_least);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + MS + 6 * NS_PER_S);
	leave(world, 1, START_NS + 2 * NS_PER_S);
	assert_int_equal(world->ends[0].age_ns, 62 * NS_PER_S - MS);
	assert_true(world->ends[0].age_at_least);
	world_free(world);
}

static void a_half_close_that_sends_is_asked_again(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	uint64_t now_ns = START_NS + THRESHOLD_NS;

	(void)state;
	enter(world, 1, START_NS);
	for (uint32_t round = 1; round <= 5; round++) {
		struct scan_result result = scan_new(now_ns);
		struct event_scan scan = idle(1, &server, now_ns);

		assert_int_equal(leak_watch_deadline(world->leaks), now_ns);
		assert_int_equal(leak_watch_collect(world->leaks, now_ns), 1);
		scan.write_seq += 1000 * round;
		scan.last_sent_ticks = TICKS(2 * NS_PER_S);
		scan_add(&result, &scan);
		assert_int_equal(judge(world, &result, now_ns), 0);
		assert_int_equal(world->leak_count, 0);
		now_ns += 8 * NS_PER_S;
	}
	assert_int_equal(leak_watch_collect(world->leaks, now_ns), 1);
	judge_idle(world, 1, 1, now_ns);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.age_ns, 50 * NS_PER_S);
	world_free(world);
}

/* The record of its end comes later, or was lost: it is no leak yet, and judged again soon. */
static void what_the_scan_does_not_find_is_asked_again(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct scan_result result = scan_new(START_NS);
	struct event_scan other = idle(2, &server, START_NS + 10 * NS_PER_S);
	uint64_t deadline_ns;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		enter(world, cookie, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S), 3);
	leave(world, 3, START_NS + 10 * NS_PER_S); /* closed during the scan */
	other.state = TCP_LAST_ACK;
	scan_add(&result, &other);
	assert_int_equal(judge(world, &result, START_NS + 10 * NS_PER_S), 2);
	assert_int_equal(world->leak_count, 0);
	deadline_ns = leak_watch_deadline(world->leaks);
	assert_in_range(deadline_ns, START_NS + 10 * NS_PER_S + 1, START_NS + 12 * NS_PER_S);
	leave(world, 2, START_NS + 11 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, deadline_ns), 1);
	assert_int_equal(judge_idle(world, 1, 3, deadline_ns), 0);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.cookie, 1);
	world_free(world);
}

static void the_namespaces_of_those_not_found_are_told(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct netns_set missing = {0};
	struct scan_result result = scan_new(START_NS);
	struct event_scan scan = idle(2, &server, START_NS);

	(void)state;
	leak_watch_add_missing(world->leaks, &result, &missing);
	assert_true(netns_set_empty(&missing));
	enter(world, 1, START_NS);
	enter(world, 2, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S), 2);
	scan_add(&result, &scan);
	scan_result_finish(&result);
	leak_watch_add_missing(world->leaks, &result, &missing);
	assert_int_equal(missing.count, 1);
	assert_true(netns_set_has(&missing, NETNS));
	netns_set_clear(&missing);
	scan = idle(1, NULL, START_NS);
	scan_add(&result, &scan);
	scan_result_finish(&result);
	leak_watch_add_missing(world->leaks, &result, &missing);
	assert_true(netns_set_empty(&missing));
	assert_int_equal(judge(world, &result, START_NS + 10 * NS_PER_S), 0);
	assert_int_equal(world->leak_count, 2);
	world_free(world);
}

static void a_failed_scan_is_made_up_for(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);

	(void)state;
	enter(world, 1, START_NS);
	enter(world, 2, START_NS + 3 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S), 1);
	leak_watch_postpone(world->leaks, START_NS + 10 * NS_PER_S, NS_PER_S);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 11 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 11 * NS_PER_S - 1), 0);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 11 * NS_PER_S), 1);
	judge_idle(world, 1, 2, START_NS + 11 * NS_PER_S);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 13 * NS_PER_S);
	world_free(world);
}

/* It is due at the deadline of an earlier connection (connect(AF_UNSPEC), connect()). */
static void a_new_life_has_its_own_deadline(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S), 1);
	leak_watch_postpone(world->leaks, START_NS + 10 * NS_PER_S, 2 * NS_PER_S);
	world_step(world, 1, &flow, TCP_CLOSE_WAIT, TCP_CLOSE, START_NS + 11 * NS_PER_S, &server);
	enter(world, 1, START_NS + 11 * NS_PER_S + 10 * MS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 13 * NS_PER_S), 0);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 22 * NS_PER_S), 1);
	world_free(world);
}

/* The records between were lost: it enters CLOSE_WAIT a second time, as the last in the list. */
static void who_enters_again_waits_again(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		enter(world, cookie, START_NS + cookie * NS_PER_S);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS + 5 * NS_PER_S, NULL);
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 12 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 14 * NS_PER_S), 2);
	judge_idle(world, 1, 3, START_NS + 14 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 15 * NS_PER_S), 1);
	judge_idle(world, 1, 3, START_NS + 15 * NS_PER_S);
	assert_int_equal(world->leak_count, 3);
	assert_int_equal(world->leak_notes[2].leak.cookie, 1);
	/* After a leak: that one has ended, and this is another one. */
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS + 20 * NS_PER_S,
		   NULL);
	assert_int_equal(world->end_count, 1);
	assert_true(world->ends[0].age_ns == DURATION_UNKNOWN);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 30 * NS_PER_S), 1);
	judge_idle(world, 1, 3, START_NS + 30 * NS_PER_S);
	assert_int_equal(world->leak_count, 4);
	assert_int_equal(world->leak_notes[3].leak.age_ns, 10 * NS_PER_S);
	world_free(world);
}

/* A socket of the kernel has no descriptor that a process could close. */
static void kernel_sockets_never_leak(void **state)
{
	struct world *world = leaks_new(THRESHOLD_NS);
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = server_flow(1);
	struct event_scan scan = idle(1, NULL, START_NS + 10 * NS_PER_S);

	(void)state;
	flow.flags |= EVENT_KERN_SOCK;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS - MS, NULL);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS - MS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	leak_watch_collect(world->leaks, START_NS + 10 * NS_PER_S);
	scan.flow.flags |= EVENT_KERN_SOCK;
	scan_add(&result, &scan);
	judge(world, &result, START_NS + 10 * NS_PER_S);
	assert_int_equal(world->leak_count, 0);
	leave(world, 1, START_NS + 20 * NS_PER_S);
	assert_int_equal(world->end_count, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits_at_first),
		cmocka_unit_test(deadlines_come_in_order),
		cmocka_unit_test(random_comings_and_goings_are_due_in_time),
		cmocka_unit_test(a_leak_is_reported_once_with_its_age),
		cmocka_unit_test(a_reported_leak_has_an_end),
		cmocka_unit_test(leaks_from_before_have_bounded_ages),
		cmocka_unit_test(a_half_close_that_sends_is_asked_again),
		cmocka_unit_test(what_the_scan_does_not_find_is_asked_again),
		cmocka_unit_test(the_namespaces_of_those_not_found_are_told),
		cmocka_unit_test(a_failed_scan_is_made_up_for),
		cmocka_unit_test(a_new_life_has_its_own_deadline),
		cmocka_unit_test(who_enters_again_waits_again),
		cmocka_unit_test(kernel_sockets_never_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
