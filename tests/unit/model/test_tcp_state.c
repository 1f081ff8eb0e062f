// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/tcp_state.h"

#include <limits.h>

#include "events.h"

/*
 * The transitions of the kernel, written a second time by hand: rows from, columns to, both in the
 * order of the kernel's numbers. r: the tracepoint has it; m: tcpwatch only, of mini-sockets.
 */
static const char *const ways[TCP_STATES] = {
	/*		     ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT,
	 *                   CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING */
	[TCP_ESTABLISHED] = "...r..rr...", [TCP_SYN_SENT] = "r.r...r....",
	[TCP_SYN_RECV] = "r..r..rr...",	   [TCP_FIN_WAIT1] = "...rrmr...r",
	[TCP_FIN_WAIT2] = "....rmr....",   [TCP_TIME_WAIT] = "......m....",
	[TCP_CLOSE] = ".rr...r..r.",	   [TCP_CLOSE_WAIT] = "......r.r..",
	[TCP_LAST_ACK] = "......r.r..",	   [TCP_LISTEN] = "..r...r....",
	[TCP_CLOSING] = ".....mr...r",
};

static void the_kernels_ways_are_recorded(void **state)
{
	(void)state;
	for (unsigned int from = TCP_ESTABLISHED; from < TCP_STATES; from++)
		for (unsigned int to = TCP_ESTABLISHED; to < TCP_STATES; to++)
			assert_int_equal(tcp_transition_is_recorded(from, to),
					 ways[from][to - 1] == 'r');
}

static void numbers_that_are_no_states_are_not(void **state)
{
	static const unsigned int wrong[] = {0, 12, 13, 255, 256, INT_MAX, UINT_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		for (unsigned int other = 0; other < 256; other++) {
			assert_false(tcp_transition_is_recorded(wrong[i], other));
			assert_false(tcp_transition_is_recorded(other, wrong[i]));
		}
}

static void the_table_has_each_way_once_and_in_words(void **state)
{
	unsigned char seen[TCP_STATES][TCP_STATES] = {0};
	size_t wanted = 0;

	(void)state;
	for (size_t i = 0; i < tcp_transition_count; i++) {
		const struct tcp_transition *way = &tcp_transitions[i];

		assert_true(tcp_state_valid(way->from) && tcp_state_valid(way->to));
		assert_int_equal(seen[way->from][way->to]++, 0);
		assert_int_equal(ways[way->from][way->to - 1], way->is_mini ? 'm' : 'r');
		assert_true(strlen(way->what) > 3);
		assert_non_null(way->sent);
		assert_non_null(tcp_transition_by_name(way->by));
		/* Only a process keeps the state: close() after shutdown(). */
		assert_true(way->from != way->to || way->by == BY_PROCESS);
	}
	for (unsigned int from = TCP_ESTABLISHED; from < TCP_STATES; from++)
		for (size_t to = 0; ways[from][to]; to++)
			wanted += ways[from][to] != '.';
	assert_int_equal(tcp_transition_count, wanted);
}

/* Each state can be reached, and each can be left. */
static void every_state_has_a_way_in_and_out(void **state)
{
	(void)state;
	for (unsigned int one = TCP_ESTABLISHED; one < TCP_STATES; one++) {
		size_t in = 0, out = 0;

		for (size_t i = 0; i < tcp_transition_count; i++) {
			const struct tcp_transition *way = &tcp_transitions[i];

			in += way->to == one && way->from != one;
			out += way->from == one && way->to != one;
		}
		assert_true(in && out);
	}
}

static void states_have_names_and_one_place_in_the_order(void **state)
{
	bool seen[TCP_STATES] = {false};

	(void)state;
	for (size_t i = 0; i < TCP_STATES - 1; i++) {
		unsigned int one = tcp_state_order[i];

		assert_true(tcp_state_valid(one));
		assert_false(seen[one]);
		seen[one] = true;
	}
	assert_int_equal(tcp_state_order[TCP_STATES - 1], 0);
	assert_string_equal(tcp_state_name(TCP_ESTABLISHED), "ESTABLISHED");
	assert_string_equal(tcp_state_name(TCP_FIN_WAIT1), "FIN_WAIT1");
	assert_string_equal(tcp_state_name(TCP_CLOSING), "CLOSING");
	assert_string_equal(tcp_state_name(0), "?");
	assert_string_equal(tcp_state_name(12), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_ways_are_recorded),
		cmocka_unit_test(numbers_that_are_no_states_are_not),
		cmocka_unit_test(the_table_has_each_way_once_and_in_words),
		cmocka_unit_test(every_state_has_a_way_in_and_out),
		cmocka_unit_test(states_have_names_and_one_place_in_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
