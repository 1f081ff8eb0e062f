// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Mini-sockets found by a scan, and those that have no records any more. */
#include "minis.h"

/* The first step only: records that came during the scan are handled before the second one. */
static void begin(struct world *world, struct scan_result *result)
{
	scan_result_finish(result);
	mini_scan_begin(&world->tracker, result);
}

static void end(struct world *world, struct scan_result *result)
{
	mini_scan_end(&world->tracker, result);
	scan_result_clear(result);
}

static void scan(struct world *world, struct scan_result *result)
{
	begin(world, result);
	end(world, result);
}

static void add_client(struct scan_result *result, uint64_t cookie, unsigned int tcp_state)
{
	struct event_flow flow = client_flow(cookie);
	struct event_scan record =
		make_scan_mini(cookie, &flow, tcp_state, 0, result->started_ns + MS);

	scan_add(result, &record);
}

/* One that is older than tcpwatch is counted, and its end reported, without a lifetime. */
static void what_a_scan_finds_has_no_start(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct process *process = world_process(world, &server);
	struct event_mini e;

	(void)state;
	scan_add_listener(&result, 9, 80, &server, 3, 0);
	scan_add_mini(&result, 1, TCP_TIME_WAIT, 0);
	add_client(&result, 2, TCP_FIN_WAIT2);
	world_reconcile(world, &result);
	assert_int_equal(mini_table_count(world->tracker.minis), 2);
	assert_int_equal(world->found_count, 1); /* the listener */
	assert_null(world_find(world, 1));
	assert_ptr_equal(world_find_mini(world, 1)->owner, process); /* by the listener */
	assert_int_equal(world_find_mini(world, 1)->owner_source, OWNER_LISTENER);
	assert_int_equal(world_find_mini(world, 1)->role, ROLE_SERVER);
	assert_null(world_find_mini(world, 2)->owner);
	assert_int_equal(process->sockets, 2);

	flow = server_flow(1);
	e = make_mini(1, &flow, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 9000 * MS);
	world_feed_mini(world, &e);
	assert_ptr_equal(
		check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED)->owner,
		process);
	feed_mini(world, 2, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 3000 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, DURATION_UNKNOWN, CAUSE_NONE);
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 63000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	assert_int_equal(process->sockets, 1);
	world_free(world);
}

/* If several processes can have had it, its owner is not known. */
static void several_listeners_own_none(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);

	(void)state;
	scan_add_listener(&result, 8, 80, &client, 3, 0);
	scan_add_listener(&result, 9, 80, &server, 3, 0);
	scan_add_mini(&result, 1, TCP_TIME_WAIT, 0);
	world_reconcile(world, &result);
	assert_null(world_find_mini(world, 1)->owner);
	assert_int_equal(world_find_mini(world, 1)->role, ROLE_SERVER);
	world_free(world);
}

static void what_a_scan_does_not_find_is_gone(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct world *world = full ? world_new_full(&everything) : world_new(&everything);
		struct scan_result result = scan_new(START_NS + NS_PER_S);
		size_t changes;

		to_time_wait(world, 1, START_NS);
		to_time_wait(world, 2, START_NS);
		to_orphan(world, 3, START_NS);
		changes = world->change_count;
		add_client(&result, 2, TCP_TIME_WAIT);
		scan(world, &result);
		/* Records of the ends count more than the scan, which may skip some. */
		assert_int_equal(mini_table_count(world->tracker.minis), full ? 3 : 1);
		assert_non_null(world_find_mini(world, 2));
		assert_int_equal(world_process(world, &client)->sockets, full ? 3 : 1);
		/* The time of their ends is not known. */
		assert_int_equal(world->change_count, changes);
		/* The start of the one that was found is still known. */
		if (full) {
			feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60000 * MS);
			check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
		}
		world_free(world);
	}
}

/* A scan that began before the mini-socket cannot have found it. */
static void a_scan_does_not_take_away_what_is_newer(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);

	(void)state;
	begin(world, &result);
	to_time_wait(world, 1, START_NS);
	end(world, &result);
	assert_non_null(world_find_mini(world, 1));
	world_free(world);
}

/* A scan that did not read the namespace; with `known`, it has found that it exists. */
static struct scan_result scan_elsewhere(bool known)
{
	struct scan_result result = scan_new(START_NS + NS_PER_S);

	result.seen[0] = OTHER_NETNS;
	result.others_gone = known;
	if (known)
		assert_int_equal(scan_result_add_unseen(&result, NETNS), 0);
	return result;
}

/* Whether or not records were lost, and whether or not every end has one. */
static void other_namespaces_stay(void **state)
{
	(void)state;
	for (int way = 0; way < 8; way++) {
		struct world *world =
			way & 1 ? world_new_full(&everything) : world_new(&everything);
		struct scan_result result = scan_elsewhere(way & 2);

		to_time_wait(world, 1, START_NS);
		if (way & 4)
			mini_doubt(&world->tracker);
		scan(world, &result);
		assert_non_null(world_find_mini(world, 1));
		result = scan_new(START_NS + 2 * NS_PER_S);
		result.others_gone = false;
		mini_doubt(&world->tracker);
		scan(world, &result);
		assert_null(world_find_mini(world, 1));
		world_free(world);
	}
}

/* If every end has a record, it comes a little later, or was lost. If none has, the scan says all
 * there is. */
static void mini_sockets_go_with_their_namespace(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		bool full = way & 1, loss = way & 2;
		struct world *world = full ? world_new_full(&everything) : world_new(&everything);
		struct scan_result result = scan_new(START_NS + NS_PER_S);
		struct process *process = world_process(world, &client);
		size_t changes;

		to_time_wait(world, 1, START_NS);
		changes = world->change_count;
		if (loss)
			mini_doubt(&world->tracker);
		result.seen[0] = OTHER_NETNS;
		scan(world, &result);
		assert_int_equal(world_find_mini(world, 1) != NULL, full && !loss);
		assert_int_equal(process->sockets, full && !loss);
		/* How long they were there is not known. */
		assert_int_equal(world->change_count, changes);
		check_lifetimes(process, TCP_TIME_WAIT, 0, 0);
		world_free(world);
	}
}

/* A record that came during the scan is newer than the scan. */
static void records_win_over_the_scan(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS + NS_PER_S);
	struct process *process = world_process(world, &client);

	(void)state;
	to_time_wait(world, 1, START_NS);
	to_orphan(world, 2, START_NS);
	to_fin_wait2(world, 3, START_NS);
	add_client(&result, 1, TCP_TIME_WAIT);
	add_client(&result, 2, TCP_TIME_WAIT); /* the record of its FIN comes later */
	add_client(&result, 3, TCP_TIME_WAIT); /* and that of its end as a socket */
	begin(world, &result);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 1, START_NS + 1002 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 1002 * MS, CAUSE_CUT_SHORT);
	feed_mini(world, 2, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 999 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 999 * MS, CAUSE_NONE);
	last_step(world, 3, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, START_NS + 998 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 998 * MS, CAUSE_NONE);
	end(world, &result);
	assert_null(world_find_mini(world, 1));
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60999 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	feed_mini(world, 3, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60998 * MS);
	assert_ptr_equal(
		check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED)->owner,
		process);
	assert_int_equal(process->sockets, 0);
	world_free(world);
}

/* During the scan the socket connected again and reached TIME_WAIT; the scan saw it before that. */
static void later_records_win_as_well(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS + NS_PER_S);

	(void)state;
	to_time_wait(world, 1, START_NS); /* the record of its end was lost */
	add_client(&result, 1, TCP_FIN_WAIT2);
	begin(world, &result);
	to_orphan(world, 1, START_NS + 1001 * MS);
	feed_mini(world, 1, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 1003 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 2 * MS, CAUSE_NONE);
	end(world, &result);
	assert_int_equal(world_find_mini(world, 1)->state, TCP_TIME_WAIT);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 61003 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	world_free(world);
}

/* The peer's FIN has no record, or it was lost: the state is right, the lifetimes are unknown. */
static void a_scan_corrects_the_state(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct world *world = full ? world_new_full(&everything) : world_new(&everything);
		struct scan_result result = scan_new(START_NS + NS_PER_S);

		to_orphan(world, 1, START_NS);
		add_client(&result, 1, TCP_TIME_WAIT);
		scan(world, &result);
		assert_int_equal(world_find_mini(world, 1)->state, TCP_TIME_WAIT);
		assert_ptr_equal(world_find_mini(world, 1)->owner, world_process(world, &client));
		feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60000 * MS);
		check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED);
		check_lifetimes(world_process(world, &client), TCP_TIME_WAIT, 0, 0);
		world_free(world);
	}
}

/* One that has a record is kept for two minutes at most: the time of two timers. */
static void a_scan_keeps_it_alive(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS + 50 * NS_PER_S);

	(void)state;
	to_orphan(world, 1, START_NS);
	to_orphan(world, 2, START_NS);
	to_orphan(world, 3, START_NS);
	add_client(&result, 1, TCP_FIN_WAIT2);
	begin(world, &result);
	/* An older scan: nothing happens. */
	mini_scan_end(&world->tracker, &(struct scan_result){0});
	scan_result_clear(&result);
	feed_mini(world, 2, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 50 * NS_PER_S);
	mini_expire(&world->tracker, START_NS + 100 * NS_PER_S);
	assert_non_null(world_find_mini(world, 1));
	assert_non_null(world_find_mini(world, 2));
	assert_null(world_find_mini(world, 3));
	mini_expire(&world->tracker, START_NS + 121 * NS_PER_S);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	world_free(world);
}

/* If every end has a record, a missing one was lost: a scan corrects that. */
static void an_end_that_does_not_come_is_a_gap(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);
	size_t changes;

	(void)state;
	scan_add_mini(&result, 3, TCP_SYN_RECV, 5000);
	scan(world, &result);
	to_time_wait(world, 1, START_NS);
	to_time_wait(world, 2, START_NS + 10 * NS_PER_S);
	changes = world->change_count;
	mini_expire(&world->tracker, START_NS + 71 * NS_PER_S);
	assert_int_equal(world->tracker.gaps, 1); /* the end of a half-open one needs no record */
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	mini_expire(&world->tracker, START_NS + 75 * NS_PER_S);
	assert_int_equal(world->tracker.gaps, 1);
	mini_expire(&world->tracker, START_NS + 81 * NS_PER_S);
	assert_int_equal(world->tracker.gaps, 2);
	assert_int_equal(world->change_count, changes);
	check_lifetimes(world_process(world, &client), TCP_TIME_WAIT, 0, 0);
	/* Its end comes after that: it is not known any more. */
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 90 * NS_PER_S);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED);
	world_free(world);
}

/* If every end has a record, a scan without it means nothing, unless records were lost. */
static void a_scan_is_believed_after_losses(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result first = scan_new(START_NS + NS_PER_S);
	struct scan_result second = scan_new(START_NS + 2 * NS_PER_S);
	struct scan_result third = scan_new(START_NS + 4 * NS_PER_S);

	(void)state;
	to_time_wait(world, 1, START_NS);
	scan(world, &first);
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	mini_doubt(&world->tracker);
	scan(world, &second);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	to_time_wait(world, 2, START_NS + 3 * NS_PER_S);
	scan(world, &third);
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	world_free(world);
}

/* An old half-open one whose connection was not seen: its minute begins again. */
static void a_new_life_begins_with_its_whole_time(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = client_flow(1);

	(void)state;
	add_client(&result, 1, TCP_SYN_RECV);
	scan(world, &result);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + 59000 * MS, NULL);
	last_step(world, 1, TCP_CLOSING, EVENT_DEAD | EVENT_DONE, START_NS + 60000 * MS);
	mini_expire(&world->tracker, START_NS + 75 * NS_PER_S);
	assert_non_null(world_find_mini(world, 1));
	result = scan_new(START_NS + 59999 * MS);
	scan(world, &result); /* the scan began before that */
	assert_non_null(world_find_mini(world, 1));
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 120000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	world_free(world);
}

/* The same socket connects again while its old connection is still in TIME_WAIT. */
static void a_cookie_is_used_again(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *process = world_process(world, &client);

	(void)state;
	to_time_wait(world, 1, START_NS);
	to_time_wait(world, 1, START_NS + NS_PER_S); /* the record of the first end was lost */
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	assert_int_equal(process->sockets, 1);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 61 * NS_PER_S);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60 * NS_PER_S, CAUSE_EXPIRED);
	assert_int_equal(process->sockets, 0);
	check_lifetimes(process, TCP_TIME_WAIT, 1, 60 * NS_PER_S);
	world_free(world);
}

static void what_is_not_asked_for_is_not_found(void **state)
{
	static uint16_t ports[] = {1025};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = world_new_full(&options);
	struct scan_result result = scan_new(START_NS);

	(void)state;
	add_client(&result, 1, TCP_TIME_WAIT);
	add_client(&result, 2, TCP_TIME_WAIT);
	world_reconcile(world, &result);
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	assert_false(world_find_mini(world, 1)->hidden);
	world_free(world);
}

/* One whose port is not known may match -L: it is kept, and not reported. */
static void hidden_ones_are_kept_and_not_told(void **state)
{
	static uint16_t ports[] = {1025};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = world_new_full(&options);
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = client_flow(1);
	struct event_scan record;
	struct event_mini e;

	(void)state;
	flow.local_port = 0;
	record = make_scan_mini(1, &flow, TCP_FIN_WAIT2, 0, START_NS);
	scan_add(&result, &record);
	scan(world, &result);
	assert_true(world_find_mini(world, 1)->hidden);
	e = make_mini(1, &flow, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + MS);
	world_feed_mini(world, &e);
	e = make_mini(1, &flow, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 2 * MS);
	world_feed_mini(world, &e);
	assert_null(world_find_mini(world, 1));
	world_feed_mini(world, &e); /* nor is one that is not known at all */
	assert_int_equal(world->change_count, 0);
	assert_null(process_table_unknown(world->tracker.processes)->transitions);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_scan_finds_has_no_start),
		cmocka_unit_test(several_listeners_own_none),
		cmocka_unit_test(what_a_scan_does_not_find_is_gone),
		cmocka_unit_test(a_scan_does_not_take_away_what_is_newer),
		cmocka_unit_test(other_namespaces_stay),
		cmocka_unit_test(mini_sockets_go_with_their_namespace),
		cmocka_unit_test(records_win_over_the_scan),
		cmocka_unit_test(later_records_win_as_well),
		cmocka_unit_test(a_scan_corrects_the_state),
		cmocka_unit_test(a_scan_keeps_it_alive),
		cmocka_unit_test(an_end_that_does_not_come_is_a_gap),
		cmocka_unit_test(a_new_life_begins_with_its_whole_time),
		cmocka_unit_test(a_cookie_is_used_again),
		cmocka_unit_test(what_is_not_asked_for_is_not_found),
		cmocka_unit_test(hidden_ones_are_kept_and_not_told),
		cmocka_unit_test(a_scan_is_believed_after_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
