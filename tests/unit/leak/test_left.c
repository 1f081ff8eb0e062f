// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Sockets that are in CLOSE_WAIT when their process exits. */
#include "leaks.h"

#include "leak/judge.h"
#include "track/owner.h"

#define MS NS_PER_MS
#define W  (10 * NS_PER_S)

static struct world *exits_new(uint64_t threshold_ns)
{
	struct world *world = leaks_new(threshold_ns);

	leak_watch_report_exits(world->leaks);
	return world;
}

static struct event_transition left(uint64_t cookie, unsigned int to, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e = make_transition(cookie, &flow, TCP_CLOSE_WAIT, to, at_ns);

	make_actor(&e, &server);
	e.flow.flags |= EVENT_EXITING;
	e.shutdown = 3;
	e.write_seq = 5000;
	return e;
}

static void leave_by_exit(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct event_transition e = left(cookie, TCP_LAST_ACK, at_ns);

	world_feed(world, &e);
}

static const struct leak_group *only_group(struct world *world)
{
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct leak_group *group = leak_groups_next(groups, NULL);

	assert_non_null(group);
	assert_null(leak_groups_next(groups, group));
	return group;
}

static void grace_is_100_ms_or_less(void **state)
{
	(void)state;
	assert_int_equal(leak_left_grace(W), 100 * MS);
	assert_int_equal(leak_left_grace(100 * MS), 100 * MS);
	assert_int_equal(leak_left_grace(30 * MS), 30 * MS);
	assert_int_equal(leak_left_grace(0), 0);
}

static void left_behind_is_reported_once(void **state)
{
	struct world *world = exits_new(W);
	const struct leak *leak = &world->leak_notes[0].leak;

	(void)state;
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + 100 * MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->end_count, 0);
	assert_true(leak->at_exit);
	assert_int_equal(leak->time_ns, START_NS + 100 * MS);
	assert_int_equal(leak->age_ns, 100 * MS);
	assert_false(leak->age_at_least);
	assert_int_equal(leak->kind, LEAK_UNCLOSED);
	assert_true(leak->end_read);
	assert_int_equal(leak->holder_count, 0);
	assert_ptr_equal(leak->process, world_process(world, &server));
	assert_int_equal(leak->process->leaks[LEAK_UNCLOSED], 1);
	assert_int_equal(only_group(world)->total, 1);
	assert_int_equal(only_group(world)->open, 0);
	assert_int_equal(only_group(world)->left, 1);
	assert_int_equal(only_group(world)->oldest_ns, 100 * MS);
	world_free(world);
}

static void unread_data_makes_it_unread(void **state)
{
	struct world *world = exits_new(W);
	struct event_transition e = left(1, TCP_CLOSE, START_NS + 200 * MS);

	(void)state;
	e.recv_queue = 11;
	enter(world, 1, START_NS);
	world_feed(world, &e);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->leak_notes[0].leak.kind, LEAK_UNREAD);
	assert_false(world->leak_notes[0].leak.end_read);
	assert_int_equal(world->leak_notes[0].leak.recv_queue, 11);
	assert_int_equal(world->end_count, 0);
	world_free(world);
}

/* A kernel thread closes what the process has left in an io_uring. */
static void leave_by_kernel(struct world *world, uint64_t cookie, unsigned int error,
			    uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e = make_transition(cookie, &flow, TCP_CLOSE_WAIT,
						    error ? TCP_CLOSE : TCP_LAST_ACK, at_ns);

	e.flow.flags |= EVENT_SK_SOCKET;
	e.shutdown = 3;
	e.error = error;
	e.write_seq = 5000;
	world_feed(world, &e);
}

static void enter_owned(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	enter(world, cookie, at_ns);
	owner_learn(world_find(world, cookie), world_process(world, &server), OWNER_ACCEPT);
}

static void end_server(struct world *world, uint64_t at_ns)
{
	const struct event_exit e = make_exit(&server, at_ns);

	process_table_exited(world->tracker.processes, &e);
}

static void what_the_kernel_closes_for_the_dead_is_left(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter_owned(world, 1, START_NS);
	enter_owned(world, 2, START_NS + 50 * MS);
	enter_owned(world, 3, START_NS);
	assert_false(leak_watch_left_open(world->leaks));
	end_server(world, START_NS + 149 * MS);
	end_server(world, START_NS + 900 * MS); /* of another thread: the first one counts */
	assert_true(leak_watch_left_open(world->leaks));
	leave_by_kernel(world, 1, 0, START_NS + 500 * MS);
	assert_int_equal(world->leak_count, 1);
	assert_true(world->leak_notes[0].leak.at_exit);
	assert_ptr_equal(world->leak_notes[0].leak.process, world_process(world, &server));
	/* The process ended 99 ms after the peer had closed, whenever the kernel closes. */
	leave_by_kernel(world, 2, 0, START_NS + 500 * MS);
	leave_by_kernel(world, 3, 32, START_NS + 500 * MS); /* the peer's reset */
	assert_int_equal(world->leak_count, 1);
	assert_false(leak_watch_left_open(world->leaks));
	world_free(world);
}

static void what_the_kernel_closes_for_the_living_is_not(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter_owned(world, 1, START_NS);
	enter_owned(world, 2, START_NS);
	leave_by_kernel(world, 1, 0, START_NS + 500 * MS);
	end_server(world, START_NS + 501 * MS);
	leave_by_kernel(world, 2, 0, START_NS + 500 * MS); /* its record came late */
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

static void within_the_grace_is_none(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + 100 * MS - 1);
	assert_int_equal(world->leak_count, 0);
	world_free(world);

	world = exits_new(30 * MS);
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + 30 * MS);
	assert_int_equal(world->leak_count, 1);
	world_free(world);

	world = exits_new(0); /* each one, once */
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + 1);
	assert_int_equal(world->leak_count, 1);
	assert_true(world->leak_notes[0].leak.at_exit);
	assert_int_equal(world->end_count, 0);
	world_free(world);
}

static void closed_in_time_is_none(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter(world, 1, START_NS);
	leave(world, 1, START_NS + 5 * NS_PER_S);
	assert_int_equal(world->leak_count, 0);
	world_free(world);

	world = leaks_new(W); /* without leak_watch_report_exits() */
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + 5 * NS_PER_S);
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

/* A server that answers after the peer's shutdown(), and exits. */
static void who_answered_did_its_work(void **state)
{
	struct event_transition e = left(1, TCP_LAST_ACK, START_NS + 500 * MS);
	struct world *world = exits_new(W);

	(void)state;
	e.write_seq = 5100;
	enter(world, 1, START_NS);
	world_feed(world, &e);
	assert_int_equal(world->leak_count, 0);
	world_free(world);

	world = exits_new(0);
	enter(world, 1, START_NS);
	world_feed(world, &e);
	assert_int_equal(world->leak_count, 1);
	world_free(world);
}

/* Reported while it was open: one leak, with its end. */
static void reported_before_is_not_reported_again(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter(world, 1, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + W), 1);
	judge_idle(world, 1, 1, START_NS + W);
	assert_int_equal(world->leak_count, 1);
	assert_false(world->leak_notes[0].leak.at_exit);
	leave_by_exit(world, 1, START_NS + W + MS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->end_count, 1);
	assert_int_equal(only_group(world)->left, 1);
	assert_int_equal(only_group(world)->open, 0);
	world_free(world);
}

/* The record of its entry was lost: its age is not known. */
static void unknown_ages_are_not_judged(void **state)
{
	struct world *world = exits_new(W);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	leave_by_exit(world, 1, START_NS + 50 * NS_PER_S);
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

static void strangers_are_not_reported(void **state)
{
	static uint32_t pids[] = {201};
	static const struct options of_another = {.pids = pids, .pid_count = 1};
	struct world *world = world_new(&of_another);

	(void)state;
	world_watch_leaks(world, W);
	leak_watch_report_exits(world->leaks);
	enter(world, 1, START_NS);
	leave_by_exit(world, 1, START_NS + NS_PER_S);
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

static void at_the_end_the_young_are_due(void **state)
{
	struct world *world = exits_new(W);

	(void)state;
	enter(world, 1, START_NS);
	enter(world, 2, START_NS + 50 * MS);
	enter(world, 3, START_NS + 51 * MS);
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 150 * MS), 0);
	assert_int_equal(leak_watch_collect_last(world->leaks, START_NS + 150 * MS), 2);
	judge_idle(world, 1, 3, START_NS + 150 * MS);
	assert_int_equal(world->leak_count, 2);
	assert_false(world->leak_notes[0].leak.at_exit);
	assert_int_equal(world->leak_notes[0].leak.holder_count, 1);
	world_free(world);

	world = leaks_new(W);
	enter(world, 1, START_NS);
	assert_int_equal(leak_watch_collect_last(world->leaks, START_NS + 150 * MS), 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grace_is_100_ms_or_less),
		cmocka_unit_test(left_behind_is_reported_once),
		cmocka_unit_test(unread_data_makes_it_unread),
		cmocka_unit_test(what_the_kernel_closes_for_the_dead_is_left),
		cmocka_unit_test(what_the_kernel_closes_for_the_living_is_not),
		cmocka_unit_test(within_the_grace_is_none),
		cmocka_unit_test(closed_in_time_is_none),
		cmocka_unit_test(who_answered_did_its_work),
		cmocka_unit_test(reported_before_is_not_reported_again),
		cmocka_unit_test(unknown_ages_are_not_judged),
		cmocka_unit_test(strangers_are_not_reported),
		cmocka_unit_test(at_the_end_the_young_are_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
