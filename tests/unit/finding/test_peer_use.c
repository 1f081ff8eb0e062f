// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "finding/peer_use.h"
#include "track/socket_table.h"

#define MS NS_PER_MS
/* The beginning of a slot. */
#define SLOT_NS (START_NS / PEER_SLOT_NS * PEER_SLOT_NS)

static const struct process curl = {.tgid = 5, .start_ns = 50};
static const struct process wget = {.tgid = 5, .start_ns = 51}; /* the pid was used again */

static struct flow flow_to(uint16_t port)
{
	struct event_flow event = make_flow("10.0.0.2", 40000, "10.0.0.1", port);
	struct flow flow;

	flow_read(&flow, &event, NETNS);
	return flow;
}

static struct peer_use *use_new(void)
{
	struct peer_use *use = peer_use_new();

	assert_non_null(use);
	return use;
}

static struct peer *find(struct peer_use *use)
{
	struct flow flow = flow_to(80);

	return peer_use_find(use, &curl, &flow);
}

static void open_at(struct peer_use *use, uint64_t time_ns)
{
	struct flow flow = flow_to(80);

	peer_use_opened(use, &curl, &flow, time_ns);
}

/* Closed by the client. */
static void close_at(struct peer_use *use, uint64_t time_ns, uint64_t lifetime_ns)
{
	struct flow flow = flow_to(80);

	peer_use_ended(use, &curl, &flow, time_ns, lifetime_ns, true);
}

static size_t count_all(struct peer_use *use)
{
	struct peer *peer = NULL;
	size_t count = 0;

	while ((peer = peer_use_next(use, peer)))
		count++;
	return count;
}

static void what_opens_and_closes_is_counted(void **state)
{
	struct peer_use *use = use_new();
	struct flow flow = flow_to(80);
	struct peer_sum sum;

	(void)state;
	assert_null(find(use));
	open_at(use, SLOT_NS);
	open_at(use, SLOT_NS + 1);
	open_at(use, SLOT_NS + 2);
	close_at(use, SLOT_NS + 3, 30 * MS);
	close_at(use, SLOT_NS + 4, DURATION_UNKNOWN);
	peer_use_ended(use, &curl, &flow, SLOT_NS + 5, 90 * MS, false); /* by the server */
	assert_int_equal(find(use)->open, 0);
	sum = peer_sum(find(use), SLOT_NS + NS_PER_S);
	assert_int_equal(sum.all.opened, 3);
	assert_int_equal(sum.all.closed, 2);
	assert_int_equal(sum.all.timed, 1);
	assert_int_equal(sum.all.lifetime_ns, 30 * MS);
	assert_int_equal(sum.all.most, 3);
	assert_int_equal(sum.busy, 1);
	assert_int_equal(sum.calm, 0);
	assert_int_equal(sum.over_ns, NS_PER_S);
	peer_use_free(use);
}

static void each_process_and_peer_has_its_own(void **state)
{
	struct peer_use *use = use_new();
	const struct process unknown = {.tgid = 0};
	struct flow flows[] = {flow_to(80), flow_to(81), flow_to(80), flow_to(80), flow_to(80)};

	(void)state;
	flows[2].netns = OTHER_NETNS;
	flows[3].remote[3]++;
	flows[4].family = AF_INET6;
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		find(use); /* the one that was asked for last is tried first */
		peer_use_opened(use, &curl, &flows[i], SLOT_NS);
	}
	find(use);
	peer_use_opened(use, &wget, &flows[0], SLOT_NS);
	peer_use_opened(use, &unknown, &flows[0], SLOT_NS);
	assert_int_equal(count_all(use), 6);
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		assert_int_equal(peer_use_find(use, &curl, &flows[i])->open, 1);
	assert_null(peer_use_find(use, &unknown, &flows[0]));
	assert_ptr_not_equal(peer_use_find(use, &wget, &flows[0]), find(use));
	/* The local end is no part of it. */
	flows[0].local_port++;
	flows[0].local[3]++;
	peer_use_opened(use, &curl, &flows[0], SLOT_NS);
	assert_int_equal(find(use)->open, 2);
	assert_int_equal(find(use)->flow.local_port, 0);
	assert_int_equal(find(use)->flow.local[3], 0);
	assert_int_equal(find(use)->flow.remote_port, 80);
	peer_use_free(use);
}

/* Connections that are older than tcpwatch. */
static void an_end_without_a_beginning_makes_no_peer(void **state)
{
	struct peer_use *use = use_new();

	(void)state;
	close_at(use, SLOT_NS, 30 * MS);
	assert_int_equal(count_all(use), 0);
	open_at(use, SLOT_NS);
	close_at(use, SLOT_NS, 30 * MS);
	close_at(use, SLOT_NS, 30 * MS);
	assert_int_equal(find(use)->open, 0);
	open_at(use, SLOT_NS);
	assert_int_equal(find(use)->open, 1);
	peer_use_free(use);
}

static void only_the_last_slots_count(void **state)
{
	struct peer_use *use = use_new();
	uint64_t last_ns = SLOT_NS + (PEER_SLOTS - 1) * PEER_SLOT_NS;
	struct peer_sum sum;

	(void)state;
	for (uint64_t slot = 0; slot < PEER_SLOTS; slot++)
		for (uint64_t i = 0; i <= slot; i++)
			open_at(use, SLOT_NS + slot * PEER_SLOT_NS);
	close_at(use, last_ns, 30 * MS);
	sum = peer_sum(find(use), last_ns);
	assert_int_equal(sum.all.opened, 1 + 2 + 3 + 4 + 5 + 6);
	assert_int_equal(sum.over_ns, last_ns - SLOT_NS);
	assert_int_equal(sum.busy, 1);
	/* Nothing happens any more: one slot after the other is too old. */
	sum = peer_sum(find(use), last_ns + PEER_SLOT_NS);
	assert_int_equal(sum.all.opened, 2 + 3 + 4 + 5 + 6);
	sum = peer_sum(find(use), last_ns + (PEER_SLOTS - 1) * PEER_SLOT_NS);
	assert_int_equal(sum.all.opened, 6);
	sum = peer_sum(find(use), last_ns + PEER_SLOTS * PEER_SLOT_NS);
	assert_int_equal(sum.all.opened, 0);
	assert_int_equal(sum.over_ns, 0);
	/* ... and what comes long after has none of it. */
	open_at(use, last_ns + 100 * PEER_SLOT_NS);
	sum = peer_sum(find(use), last_ns + 100 * PEER_SLOT_NS);
	assert_int_equal(sum.all.opened, 1);
	assert_int_equal(sum.all.closed, 0);
	assert_int_equal(find(use)->open, 1 + 2 + 3 + 4 + 5 + 6);
	peer_use_free(use);
}

static void what_only_closes_is_lately_too(void **state)
{
	struct peer_use *use = use_new();
	struct peer_sum sum;

	(void)state;
	open_at(use, SLOT_NS);
	close_at(use, SLOT_NS + 3 * PEER_SLOT_NS, 15 * NS_PER_S);
	sum = peer_sum(find(use), SLOT_NS + 4 * PEER_SLOT_NS);
	assert_int_equal(sum.over_ns, 4 * PEER_SLOT_NS);
	sum = peer_sum(find(use), SLOT_NS + PEER_SLOTS * PEER_SLOT_NS);
	assert_int_equal(sum.over_ns, (PEER_SLOTS - 3) * PEER_SLOT_NS);
	peer_use_free(use);
}

/* What was open at the beginning of a slot was open in it. */
static void the_most_of_a_slot_goes_on_from_the_one_before(void **state)
{
	struct peer_use *use = use_new();

	(void)state;
	for (int i = 0; i < 4; i++)
		open_at(use, SLOT_NS);
	for (int i = 0; i < 3; i++)
		close_at(use, SLOT_NS + PEER_SLOT_NS, 30 * MS);
	open_at(use, SLOT_NS + 6 * PEER_SLOT_NS);
	assert_int_equal(find(use)->slots[(SLOT_NS / PEER_SLOT_NS + 1) % PEER_SLOTS].most, 4);
	assert_int_equal(find(use)->slots[(SLOT_NS / PEER_SLOT_NS + 2) % PEER_SLOTS].most, 1);
	assert_int_equal(peer_sum(find(use), SLOT_NS + 6 * PEER_SLOT_NS).all.most, 4);
	assert_int_equal(peer_sum(find(use), SLOT_NS + 7 * PEER_SLOT_NS).all.most, 2);
	peer_use_free(use);
}

/* So many connections of 100 ms each, of which `left` stay, then a pause. */
static struct peer_sum sum_after_pause(bool synced, unsigned int left, uint64_t pause_ns)
{
	struct peer_use *use = use_new();
	uint64_t time_ns = SLOT_NS;
	struct peer_sum sum;

	for (unsigned int i = 0; i < 3 + left; i++)
		open_at(use, time_ns);
	for (unsigned int i = 0; i < 3; i++)
		close_at(use, time_ns, 100 * MS);
	find(use)->synced = synced;
	open_at(use, time_ns + pause_ns);
	sum = peer_sum(find(use), time_ns + pause_ns);
	peer_use_free(use);
	return sum;
}

/* As long as 100 ms, and as two lifetimes of the connections that are closed. */
static void a_pause_is_quiet_if_it_is_long(void **state)
{
	struct peer_sum sum = sum_after_pause(true, 2, 200 * MS);

	(void)state;
	assert_int_equal(sum.calm, 1);
	assert_int_equal(sum.all.quiet, 1);
	assert_int_equal(sum.all.quiet_least, 2);
	assert_int_equal(sum.all.quiet_most, 2);
	assert_int_equal(sum_after_pause(true, 2, 200 * MS - 1).calm, 0);
	assert_int_equal(sum_after_pause(false, 2, 200 * MS).calm, 0); /* how many were open? */
}

static void pauses_of_one_slot_are_kept_together(void **state)
{
	struct peer_use *use = use_new();
	uint64_t time_ns = SLOT_NS;
	struct peer_sum sum;

	(void)state;
	for (int i = 0; i < 5; i++)
		open_at(use, time_ns);
	close_at(use, time_ns, 10 * MS); /* short: a pause has 100 ms */
	find(use)->synced = true;
	open_at(use, time_ns += 100 * MS - 1);
	assert_int_equal(peer_sum(find(use), time_ns).calm, 0);
	close_at(use, time_ns += 100 * MS, 10 * MS); /* of 5 */
	close_at(use, time_ns += 100 * MS, 10 * MS); /* of 4 */
	open_at(use, time_ns += 100 * MS);	     /* of 3 */
	time_ns = SLOT_NS + PEER_SLOT_NS;
	open_at(use, time_ns); /* of 4, in the next slot */
	sum = peer_sum(find(use), time_ns);
	assert_int_equal(sum.calm, 2);
	assert_int_equal(sum.all.quiet, 4);
	assert_int_equal(sum.all.quiet_least, 3);
	assert_int_equal(sum.all.quiet_most, 5);
	/* A clock that goes back a little, between CPUs, is no pause. */
	open_at(use, time_ns - 200 * MS);
	assert_int_equal(peer_sum(find(use), time_ns).all.quiet, 4);
	peer_use_free(use);
}

static size_t count_known(struct peer_use *use, uint16_t from, uint16_t to)
{
	size_t known = 0;

	for (uint16_t port = from; port < to; port++) {
		struct flow flow = flow_to(port);

		known += peer_use_find(use, &curl, &flow) != NULL;
	}
	return known;
}

/* Of 10,000 peers a tenth fits; the one that is used all the time stays, and those that come later
 * get a place if they are used often. */
static void those_that_did_nothing_for_longest_give_way(void **state)
{
	struct peer_use *use = use_new();

	(void)state;
	for (uint16_t port = 1000; port < 11000; port++) {
		struct flow flow = flow_to(port);

		open_at(use, SLOT_NS + port);
		peer_use_opened(use, &curl, &flow, SLOT_NS + port);
	}
	assert_int_equal(find(use)->open, 10000);
	assert_in_range(count_all(use), 1000, 1024);
	assert_int_equal(count_known(use, 10500, 11000), 0);
	for (uint16_t port = 10500; port < 11000; port++) {
		struct flow flow = flow_to(port);

		open_at(use, SLOT_NS + port);
		for (uint64_t i = 0; i < 7; i++)
			peer_use_opened(use, &curl, &flow, SLOT_NS + 11000 + i);
	}
	assert_int_equal(find(use)->open, 10500);
	assert_in_range(count_known(use, 10500, 11000), 400, 500);
	assert_in_range(count_all(use), 1000, 1024);
	peer_use_free(use);
	peer_use_free(NULL);
}

/* A peer that is opened now and then among many others is found as well. Opens that are half a
 * minute apart do not count as often. */
static void one_that_is_used_often_gets_a_place_among_many(void **state)
{
	struct peer_use *use = use_new();
	uint64_t time_ns = SLOT_NS;

	(void)state;
	for (uint16_t port = 1000; port < 60000; port++) {
		struct flow flow = flow_to(port);

		if (port >= 10000 && port % 1000 == 0) {
			time_ns += (PEER_SLOTS + 1) * PEER_SLOT_NS;
			open_at(use, time_ns);
		}
		peer_use_opened(use, &curl, &flow, time_ns);
	}
	assert_null(find(use));
	for (uint16_t port = 1000; port < 21000; port++) {
		struct flow flow = flow_to(port);

		if (port % 1000 == 0)
			open_at(use, time_ns);
		peer_use_opened(use, &curl, &flow, time_ns);
	}
	assert_non_null(find(use));
	peer_use_free(use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_opens_and_closes_is_counted),
		cmocka_unit_test(each_process_and_peer_has_its_own),
		cmocka_unit_test(an_end_without_a_beginning_makes_no_peer),
		cmocka_unit_test(only_the_last_slots_count),
		cmocka_unit_test(what_only_closes_is_lately_too),
		cmocka_unit_test(the_most_of_a_slot_goes_on_from_the_one_before),
		cmocka_unit_test(a_pause_is_quiet_if_it_is_long),
		cmocka_unit_test(pauses_of_one_slot_are_kept_together),
		cmocka_unit_test(those_that_did_nothing_for_longest_give_way),
		cmocka_unit_test(one_that_is_used_often_gets_a_place_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
