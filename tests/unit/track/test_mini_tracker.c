// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Mini-sockets with records of their own, and without. */
#include "minis.h"

static void time_wait_has_a_life_of_its_own(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *process = world_process(world, &client);
	const struct change *change;

	(void)state;
	to_time_wait(world, 1, START_NS);
	change = check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 50 * MS, CAUSE_NONE);
	assert_ptr_equal(change->owner, process);
	assert_null(world_find(world, 1));
	assert_int_equal(process->sockets, 1);
	assert_int_equal(world_find_mini(world, 1)->state, TCP_TIME_WAIT);
	check_lifetimes(process, TCP_TIME_WAIT, 0, 0);

	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60 * NS_PER_S);
	change = check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60 * NS_PER_S, CAUSE_EXPIRED);
	assert_ptr_equal(change->owner, process);
	assert_int_equal(change->owner_source, OWNER_CONNECT);
	assert_int_equal(change->role, ROLE_CLIENT);
	assert_int_equal(change->cookie, 1);
	assert_int_equal(change->time_ns, START_NS + 60 * NS_PER_S);
	assert_int_equal(world_last(world)->flow.local_port, 1025);
	assert_false(world_last(world)->known);
	assert_int_equal(process->sockets, 0);
	assert_null(world_find_mini(world, 1));
	check_lifetimes(process, TCP_TIME_WAIT, 1, 60 * NS_PER_S);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_TIME_WAIT), 1);
	assert_int_equal(process_transitions(process, TCP_TIME_WAIT, TCP_CLOSE), 1);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_CLOSE), 0);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* From each state that ends in TIME_WAIT, also by the three-segment close. */
static void every_way_into_time_wait(void **state)
{
	static const unsigned int ways[] = {TCP_CLOSING, TCP_FIN_WAIT1, TCP_FIN_WAIT2};
	struct world *world = world_new_full(&everything);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct event_flow flow = client_flow(i + 1);

		world_step(world, i + 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
		world_step(world, i + 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS, NULL);
		world_step(world, i + 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS, &client);
		if (ways[i] != TCP_FIN_WAIT1)
			world_step(world, i + 1, &flow, TCP_FIN_WAIT1, ways[i], START_NS, NULL);
		last_step(world, i + 1, ways[i], EVENT_DEAD | EVENT_DONE, START_NS + 7 * MS);
		check_last(world, ways[i], TCP_TIME_WAIT, 7 * MS, CAUSE_NONE);
		feed_mini(world, i + 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 100 * MS);
		check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 93 * MS, CAUSE_EXPIRED);
	}
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	world_free(world);
}

/* At 0 or fewer ticks the timer ended it; else something came before the timer. */
static void causes_of_an_end(void **state)
{
	static const struct {
		__s32 left_ticks;
		bool orphan;
		enum cause wanted;
	} ends[] = {
		{0, false, CAUSE_EXPIRED},	     {-1, false, CAUSE_EXPIRED},
		{INT32_MIN, false, CAUSE_EXPIRED},   {1, false, CAUSE_CUT_SHORT},
		{INT32_MAX, false, CAUSE_CUT_SHORT}, {0, true, CAUSE_TIMEOUT},
		{-300, true, CAUSE_TIMEOUT},	     {1, true, CAUSE_RESET},
	};
	struct world *world = world_new_full(&everything);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		unsigned int in = ends[i].orphan ? TCP_FIN_WAIT2 : TCP_TIME_WAIT;

		if (ends[i].orphan)
			to_orphan(world, i + 1, START_NS);
		else
			to_time_wait(world, i + 1, START_NS);
		feed_mini(world, i + 1, MINI_ENDED, in, ends[i].left_ticks, START_NS + 900 * MS);
		check_last(world, in, TCP_CLOSE, 900 * MS, ends[i].wanted);
	}
	world_free(world);
}

/* connect() takes over the ports of a TIME_WAIT in one system call. */
static void a_connect_to_the_same_place_uses_it_again(void **state)
{
	struct world *world = world_new_full(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	to_time_wait(world, 1, START_NS);
	to_time_wait(world, 61, START_NS); /* other ports */
	flow.local_port = 0;
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS + 2000 * MS, &server);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 14500, START_NS + 2000 * MS + 5000);
	assert_ptr_equal(
		check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 2000 * MS + 5000, CAUSE_REUSED)->owner,
		world_process(world, &client)); /* not the owner of the new one */
	feed_mini(world, 61, MINI_ENDED, TCP_TIME_WAIT, 14000, START_NS + 2101 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 2101 * MS, CAUSE_CUT_SHORT);
	world_free(world);
}

/* The connect() by which the connection itself began does not count as a reuse. */
static void short_lives_are_not_used_again_by_themselves(void **state)
{
	struct world *world = world_new_full(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	to_time_wait(world, 1, START_NS); /* connected 59 ms before */
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 14900, START_NS + 20 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 20 * MS, CAUSE_CUT_SHORT);
	to_time_wait(world, 1, START_NS + NS_PER_S);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS + 1010 * MS, &client);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 14900, START_NS + 1010 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 10 * MS, CAUSE_REUSED);
	world_free(world);
}

/* The timer was over; a connect() at that moment is a coincidence. */
static void what_expired_was_not_used_again(void **state)
{
	struct world *world = world_new_full(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	to_time_wait(world, 1, START_NS);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS + 60 * NS_PER_S, &client);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60 * NS_PER_S);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60 * NS_PER_S, CAUSE_EXPIRED);
	world_free(world);
}

static void an_orphan_goes_on_in_fin_wait2(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *process = world_process(world, &client);

	(void)state;
	to_orphan(world, 1, START_NS);
	assert_int_equal(world->change_count, 4); /* its FIN_WAIT2 > CLOSE is not one */
	check_last(world, TCP_FIN_WAIT1, TCP_FIN_WAIT2, 4 * MS, CAUSE_NONE);
	assert_null(world_find(world, 1));
	assert_int_equal(process->sockets, 1);
	check_lifetimes(process, TCP_FIN_WAIT2, 0, 0);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_CLOSE), 0);
	/* The hook was called when the socket left its state. */
	assert_int_equal(world->left[world->left_count - 1].state, TCP_FIN_WAIT2);

	feed_mini(world, 1, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 3000 * MS);
	assert_ptr_equal(
		check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 3000 * MS, CAUSE_NONE)->owner,
		process);
	/* A retransmission of its FIN. */
	feed_mini(world, 1, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 4000 * MS);
	assert_int_equal(world->change_count, 5);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, -2, START_NS + 64000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 61000 * MS, CAUSE_EXPIRED);
	check_lifetimes(process, TCP_FIN_WAIT2, 1, 3000 * MS);
	check_lifetimes(process, TCP_TIME_WAIT, 1, 61000 * MS);
	assert_int_equal(process->sockets, 0);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* If the kernel cannot create a mini-socket, the socket closes. */
static void refused_ones_just_close(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *process = world_process(world, &client);

	(void)state;
	to_fin_wait2(world, 1, START_NS);
	feed_mini(world, 1, MINI_REFUSED, TCP_TIME_WAIT, 0, START_NS + 9 * MS);
	last_step(world, 1, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, START_NS + 9 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, 9 * MS, CAUSE_OVERFLOW);
	to_fin_wait2(world, 2, START_NS);
	feed_mini(world, 2, MINI_REFUSED, TCP_FIN_WAIT2, 0, START_NS + 9 * MS);
	last_step(world, 2, TCP_FIN_WAIT2, EVENT_DEAD, START_NS + 9 * MS);
	/* The peer has not closed: the time that was seen is no lifetime. */
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_OVERFLOW);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	assert_int_equal(process->sockets, 0);
	check_lifetimes(process, TCP_FIN_WAIT2, 1, 9 * MS);
	/* That socket is not known; when a cookie is used again, it is not refused. */
	feed_mini(world, 3, MINI_REFUSED, TCP_TIME_WAIT, 0, START_NS + 10 * MS);
	to_time_wait(world, 3, START_NS + 100 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 50 * MS, CAUSE_NONE);
	world_free(world);
}

/* Only the last transition of the socket was seen: it shows the start of TIME_WAIT. */
static void ends_of_unknown_sockets(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *unknown = process_table_unknown(world->tracker.processes);

	(void)state;
	last_step(world, 1, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, START_NS);
	assert_null(check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, DURATION_UNKNOWN, CAUSE_NONE)
			    ->owner);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	check_lifetimes(unknown, TCP_TIME_WAIT, 1, 60000 * MS);
	/* FIN_WAIT2 of an orphaned socket began before that. */
	last_step(world, 2, TCP_FIN_WAIT2, EVENT_DEAD, START_NS);
	assert_int_equal(world->change_count, 2);
	feed_mini(world, 2, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 5 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, DURATION_UNKNOWN, CAUSE_NONE);
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 8 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 3 * MS, CAUSE_EXPIRED);
	/* All records before were lost. */
	feed_mini(world, 3, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS);
	assert_int_equal(world->change_count, 4);
	assert_null(world_find_mini(world, 3));
	feed_mini(world, 3, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS);
	assert_null(check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED)
			    ->owner);
	check_lifetimes(unknown, TCP_FIN_WAIT2, 0, 0);
	world_free(world);
}

/* The time of the peer's FIN is not known, so neither lifetime is known. */
static void a_lost_fin_makes_no_lifetimes(void **state)
{
	struct world *world = world_new_full(&everything);
	struct process *process = world_process(world, &client);

	(void)state;
	to_orphan(world, 1, START_NS);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 61000 * MS);
	check_change(world, world->change_count - 2, TCP_FIN_WAIT2, TCP_TIME_WAIT, DURATION_UNKNOWN,
		     CAUSE_NONE);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED);
	check_lifetimes(process, TCP_FIN_WAIT2, 0, 0);
	check_lifetimes(process, TCP_TIME_WAIT, 0, 0);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_TIME_WAIT), 1);
	assert_int_equal(process_transitions(process, TCP_TIME_WAIT, TCP_CLOSE), 1);
	assert_int_equal(process->sockets, 0);
	world_free(world);
}

/* A time counts as the lifetime only if it was spent in the state that ends. */
static void a_lifetime_is_of_the_state_that_ends(void **state)
{
	struct world *world = world_new_full(&everything);
	struct scan_result result = scan_new(START_NS);

	(void)state;
	/* It was found half open; all records of its connection were lost. */
	scan_add_mini(&result, 1, TCP_SYN_RECV, 2000);
	world_reconcile(world, &result);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 90000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED);
	to_time_wait(world, 2, START_NS);
	feed_mini(world, 2, MINI_ENDED, TCP_FIN_WAIT2, 0, START_NS + 500 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_TIMEOUT);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	world_free(world);
}

/* Records of two CPUs can come in the wrong order. */
static void time_does_not_run_backwards(void **state)
{
	struct world *world = world_new_full(&everything);

	(void)state;
	to_time_wait(world, 1, START_NS);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 100, START_NS - 7);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_CUT_SHORT);
	/* The end comes before the beginning: it is reported, and the entry expires. */
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 100, START_NS + 1);
	to_time_wait(world, 2, START_NS);
	assert_non_null(world_find_mini(world, 2));
	mini_expire(&world->tracker, START_NS + 71 * NS_PER_S);
	assert_null(world_find_mini(world, 2));
	check_lifetimes(world_process(world, &client), TCP_TIME_WAIT, 0, 0);
	world_free(world);
}

static void without_the_records_nothing_is_told(void **state)
{
	struct world *world = world_new(&everything);
	struct process *process = world_process(world, &client);

	(void)state;
	to_time_wait(world, 1, START_NS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, 50 * MS, CAUSE_TIME_WAIT);
	last_step(world, 3, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, START_NS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_TIME_WAIT);
	to_orphan(world, 2, START_NS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_ORPHAN);
	assert_int_equal(process->sockets, 2);
	assert_int_equal(world_find_mini(world, 1)->state, TCP_TIME_WAIT);
	assert_int_equal(world_find_mini(world, 2)->state, TCP_FIN_WAIT2);
	assert_null(world_find_mini(world, 3)->owner);
	mini_expire(&world->tracker, START_NS + 70 * NS_PER_S);
	assert_int_equal(mini_table_count(world->tracker.minis), 3);
	mini_expire(&world->tracker, START_NS + 70 * NS_PER_S + 1);
	assert_int_equal(mini_table_count(world->tracker.minis), 1);
	mini_expire(&world->tracker, START_NS + 71 * NS_PER_S);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	assert_int_equal(process->sockets, 0);
	assert_int_equal(world->change_count, 11);
	check_lifetimes(process, TCP_TIME_WAIT, 0, 0);
	/* There is no record of their ends: nothing was lost. */
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* A kernel with records of the end but not of the FIN: each feature may be missing. */
static void ends_alone_are_enough_for_time_wait(void **state)
{
	struct world *world = world_new(&everything);

	(void)state;
	world->tracker.features = 1u << FEATURE_TIME_WAIT;
	to_time_wait(world, 1, START_NS);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60000 * MS, CAUSE_EXPIRED);
	to_orphan(world, 2, START_NS);
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60000 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_EXPIRED);
	to_orphan(world, 3, START_NS);
	feed_mini(world, 3, MINI_ENDED, TCP_FIN_WAIT2, 0, START_NS + 60000 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_CLOSE, 60000 * MS, CAUSE_TIMEOUT);
	world_free(world);
}

static void what_is_not_asked_for_is_not_told(void **state)
{
	static uint16_t ports[] = {1025};
	static const struct options one_port = {.local_ports = ports, .local_port_count = 1};
	static const struct options ipv4 = {.only_ipv4 = true};
	struct world *world = world_new_full(&one_port);
	struct event_flow flow = make_flow("2001:db8::1", 5000, "2001:db8::2", 80);
	struct event_mini e = make_mini(9, &flow, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS);

	(void)state;
	to_time_wait(world, 1, START_NS);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, MS, CAUSE_EXPIRED);
	world->change_count = 0;
	to_time_wait(world, 2, START_NS);
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + MS);
	assert_int_equal(world->change_count, 0);
	world_free(world);
	world = world_new_full(&ipv4);
	world_feed_mini(world, &e);
	assert_int_equal(world->change_count, 0);
	world_free(world);
}

/* The peer's FIN is received on one CPU while another one still closes the socket. */
static void the_fin_of_an_orphan_can_be_told_first(void **state)
{
	struct world *world = world_new_full(&everything);

	(void)state;
	to_fin_wait2(world, 1, START_NS);
	feed_mini(world, 1, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 3000);
	last_step(world, 1, TCP_FIN_WAIT2, EVENT_DEAD, START_NS + 2000);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, 3000, CAUSE_NONE);
	assert_int_equal(world_find_mini(world, 1)->state, TCP_TIME_WAIT);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 3000 + 60 * NS_PER_S);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 60 * NS_PER_S, CAUSE_EXPIRED);
	/* It is not used twice. */
	to_orphan(world, 1, START_NS + 70 * NS_PER_S);
	assert_int_equal(world_find_mini(world, 1)->state, TCP_FIN_WAIT2);
	world_free(world);
}

/* If the record of a FIN was lost, a retransmission looks like the first one. */
static void after_losses_no_fin_wait2_has_a_length(void **state)
{
	struct world *world = world_new_full(&everything);

	(void)state;
	to_orphan(world, 1, START_NS);
	to_time_wait(world, 2, START_NS);
	mini_doubt(&world->tracker);
	feed_mini(world, 1, MINI_TIMED, TCP_TIME_WAIT, 0, START_NS + 500 * MS);
	check_last(world, TCP_FIN_WAIT2, TCP_TIME_WAIT, DURATION_UNKNOWN, CAUSE_NONE);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 700 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 200 * MS, CAUSE_EXPIRED);
	feed_mini(world, 2, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 800 * MS);
	check_last(world, TCP_TIME_WAIT, TCP_CLOSE, 800 * MS, CAUSE_EXPIRED);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_wait_has_a_life_of_its_own),
		cmocka_unit_test(every_way_into_time_wait),
		cmocka_unit_test(causes_of_an_end),
		cmocka_unit_test(a_connect_to_the_same_place_uses_it_again),
		cmocka_unit_test(short_lives_are_not_used_again_by_themselves),
		cmocka_unit_test(what_expired_was_not_used_again),
		cmocka_unit_test(an_orphan_goes_on_in_fin_wait2),
		cmocka_unit_test(refused_ones_just_close),
		cmocka_unit_test(ends_of_unknown_sockets),
		cmocka_unit_test(a_lost_fin_makes_no_lifetimes),
		cmocka_unit_test(a_lifetime_is_of_the_state_that_ends),
		cmocka_unit_test(time_does_not_run_backwards),
		cmocka_unit_test(without_the_records_nothing_is_told),
		cmocka_unit_test(ends_alone_are_enough_for_time_wait),
		cmocka_unit_test(what_is_not_asked_for_is_not_told),
		cmocka_unit_test(the_fin_of_an_orphan_can_be_told_first),
		cmocka_unit_test(after_losses_no_fin_wait2_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
