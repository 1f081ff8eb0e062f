// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Very many idle connections of a client: each scan is for some of them, in turn. */
#include "leaks.h"

#include "leak/idle.h"

#define IDLE  (3 * (uint64_t)LEAK_IDLE_AGAIN)
#define TURNS 4 /* IDLE / LEAK_IDLE_AGAIN + 1 */

static const struct event_task pool = {.start_ns = 9, .tgid = 300, .comm = "python3"};

static struct event_flow flow_of(uint64_t cookie)
{
	return make_flow("10.0.0.1", (uint16_t)(1024 + cookie % 60000), "10.0.0.9", 443);
}

static struct event_scan record_of(uint64_t cookie, uint64_t now_ns)
{
	struct event_flow flow = flow_of(cookie);
	struct event_scan scan = make_scan(cookie, &flow, TCP_CLOSE_WAIT, &pool, 7, now_ns);

	scan.recv_queue = 1;
	scan.last_sent_ticks = scan.last_received_ticks = TICKS(60 * NS_PER_S);
	return scan;
}

/* All are opened at once: a burst is no sign that they are forgotten. They are reported as idle. */
static struct world *idle_new(uint64_t count)
{
	struct world *world = leaks_new(NS_PER_S);
	const uint64_t now_ns = START_NS + 2 * NS_PER_S;
	struct scan_result result = scan_new(now_ns);

	for (uint64_t cookie = 1; cookie <= count; cookie++) {
		struct event_flow flow = flow_of(cookie);
		struct event_scan record = record_of(cookie, now_ns);

		world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS - 2, &pool);
		world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS - 1, NULL);
		world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
		scan_add(&result, &record);
	}
	leak_watch_collect(world->leaks, now_ns);
	assert_int_equal(judge(world, &result, now_ns), 0);
	assert_int_equal(world_process(world, &pool)->idle, count);
	return world;
}

/* How many of them this scan needs. */
static uint64_t wanted(struct world *world, uint64_t count, uint8_t *times)
{
	uint64_t sum = 0;

	for (uint64_t cookie = 1; cookie <= count; cookie++) {
		struct event_scan record = record_of(cookie, START_NS + 5 * NS_PER_S);

		if (!leak_watch_wants(world->leaks, &record))
			continue;
		times[cookie]++;
		sum++;
	}
	return sum;
}

static void each_is_looked_at_again_in_its_turn(void **state)
{
	struct world *world = idle_new(IDLE);
	uint8_t *times = calloc(IDLE + 1, 1);

	(void)state;
	assert_non_null(times);
	for (int turn = 0; turn < TURNS; turn++) {
		struct scan_result result = scan_new(START_NS + 5 * NS_PER_S);

		assert_in_range(wanted(world, IDLE, times), IDLE / TURNS - 1, IDLE / TURNS + 1);
		judge(world, &result, START_NS + 5 * NS_PER_S);
	}
	for (uint64_t cookie = 1; cookie <= IDLE; cookie++)
		assert_int_equal(times[cookie], 1);
	free(times);
	world_free(world);
}

static void few_are_looked_at_by_each_scan(void **state)
{
	struct world *world = idle_new(100);
	uint8_t times[101] = {0};

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		struct scan_result result = scan_new(START_NS + 5 * NS_PER_S);

		assert_int_equal(wanted(world, 100, times), 100);
		judge(world, &result, START_NS + 5 * NS_PER_S);
	}
	world_free(world);
}

/* What a scan of leaks is not for. */
static void others_are_not_wanted(void **state)
{
	struct world *world = idle_new(1);
	struct event_scan unknown = record_of(77, START_NS + 5 * NS_PER_S);
	struct event_scan listener = unknown;
	struct event_scan fresh = record_of(2, START_NS + 5 * NS_PER_S);

	(void)state;
	enter(world, 2, START_NS + 4 * NS_PER_S + 1);
	assert_false(leak_watch_wants(world->leaks, &unknown));
	assert_false(leak_watch_wants(world->leaks, &fresh)); /* it is not due yet */
	assert_int_equal(leak_watch_collect(world->leaks, START_NS + 6 * NS_PER_S), 1);
	assert_true(leak_watch_wants(world->leaks, &fresh));
	listener.state = TCP_LISTEN;
	assert_true(leak_watch_wants(world->leaks, &listener));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_looked_at_again_in_its_turn),
		cmocka_unit_test(few_are_looked_at_by_each_scan),
		cmocka_unit_test(others_are_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
