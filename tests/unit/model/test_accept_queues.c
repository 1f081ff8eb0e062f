// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/accept_queues.h"
#include "model/scan_result.h"

static void who_waits_where(void **state)
{
	struct accept_queues queues = {0};

	(void)state;
	assert_int_equal(accept_queues_finish(&queues), 0);
	assert_int_equal(accept_queues_find(&queues, 1), 0);
	/* Listeners 100 to 109; the kernel's iterators may return one of them twice. */
	for (uint64_t twice = 0; twice < 2; twice++)
		for (uint64_t connection = 1; connection <= 1000; connection++)
			assert_int_equal(accept_queues_add(&queues, 100 + connection % 10,
							   connection * 7919 % 1009),
					 0);
	assert_int_equal(accept_queues_finish(&queues), 0);
	assert_int_equal(queues.count, 1000);
	for (uint64_t connection = 1; connection <= 1000; connection++)
		assert_int_equal(accept_queues_find(&queues, connection * 7919 % 1009),
				 100 + connection % 10);
	for (uint64_t listener = 100; listener < 110; listener++)
		assert_int_equal(accept_queues_length(&queues, listener), 100);
	assert_int_equal(accept_queues_length(&queues, 99), 0);
	assert_int_equal(accept_queues_length(&queues, 110), 0);
	assert_int_equal(accept_queues_length(&queues, UINT64_MAX), 0);
	assert_int_equal(accept_queues_find(&queues, 5000), 0);
	accept_queues_clear(&queues);
	assert_int_equal(accept_queues_find(&queues, 1), 0);
}

static void add(struct scan_result *result, struct event_scan record)
{
	assert_int_equal(scan_result_add(result, &record, sizeof(record)), 0);
}

static struct event_scan waiting(uint64_t cookie)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct event_scan record = make_scan(cookie, &flow, TCP_CLOSE_WAIT, NULL, 0, START_NS);

	record.flow.flags = 0;
	return record;
}

static struct event_scan listener(uint64_t cookie, uint32_t netns, uint32_t queue)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_scan record = make_scan(cookie, &flow, TCP_LISTEN, NULL, 0, START_NS);

	record.header.netns = netns;
	record.recv_queue = queue;
	return record;
}

static void read_queue(struct scan_result *result, uint64_t cookie, uint64_t first, uint64_t count)
{
	struct event_scan_queue queue = {.header = {.kind = EVENT_SCAN_QUEUE,
						    .version = EVENT_VERSION,
						    .size = sizeof(queue)},
					 .cookie = cookie};

	for (uint64_t i = 0; i < count; i++)
		queue.waiting[i] = first + i;
	assert_int_equal(scan_result_add(result, &queue, sizeof(queue)), 0);
}

static uint64_t listener_of(const struct scan_result *result, uint64_t cookie)
{
	const struct event_scan connection = waiting(cookie);
	const struct event_scan *found = scan_result_listener(result, &connection);

	return found ? found->cookie : 0;
}

/* What is behind the part that was read is in the only queue that goes on. */
static void what_is_told_and_what_follows(void **state)
{
	struct scan_result result = {0};
	uint32_t netns = waiting(1).header.netns;

	(void)state;
	add(&result, listener(100, netns, 3));
	read_queue(&result, 100, 1, 3);
	add(&result, listener(101, netns, 15));
	read_queue(&result, 101, 11, EVENT_QUEUE_WAITING);
	add(&result, listener(102, netns, 0));
	add(&result, listener(103, netns + 1, 9));
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		add(&result, waiting(cookie));
	assert_int_equal(scan_result_finish(&result), 0);
	assert_int_equal(result.count, 7); /* a queue is no socket */
	assert_int_equal(listener_of(&result, 1), 100);
	assert_int_equal(listener_of(&result, 3), 100);
	assert_int_equal(listener_of(&result, 23), 101);
	assert_int_equal(listener_of(&result, 24), 101); /* not told */
	scan_result_clear(&result);
}

static void of_two_long_queues_none_is_guessed(void **state)
{
	struct scan_result result = {0};
	uint32_t netns = waiting(1).header.netns;

	(void)state;
	add(&result, listener(100, netns, 20));
	read_queue(&result, 100, 1, EVENT_QUEUE_WAITING);
	add(&result, listener(101, netns, 1));
	assert_int_equal(scan_result_finish(&result), 0);
	assert_int_equal(listener_of(&result, 1), 100);
	assert_int_equal(listener_of(&result, 50), 0);
	scan_result_clear(&result);
}

/* The tables were read after the descriptors. */
static void the_newest_length_counts(void **state)
{
	struct scan_result result = {0};
	uint32_t netns = waiting(1).header.netns;
	struct event_scan held = listener(100, netns, 5);

	(void)state;
	held.header.kind = EVENT_SCAN_FD;
	held.task = make_task(1, 1, "server");
	add(&result, held);
	add(&result, listener(100, netns, 2));
	read_queue(&result, 100, 1, 2);
	assert_int_equal(scan_result_finish(&result), 0);
	assert_int_equal(listener_of(&result, 2), 100);
	assert_int_equal(listener_of(&result, 3), 0); /* it was accepted meanwhile */
	scan_result_clear(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_where),
		cmocka_unit_test(what_is_told_and_what_follows),
		cmocka_unit_test(of_two_long_queues_none_is_guessed),
		cmocka_unit_test(the_newest_length_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
