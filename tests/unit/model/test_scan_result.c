// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "model/scan_result.h"

static struct event_scan make_holder(uint64_t cookie, uint32_t tgid, uint64_t start_ns, uint32_t fd)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct event_task task = make_task(tgid, start_ns, "holder");

	return make_scan(cookie, &flow, TCP_CLOSE_WAIT, &task, fd, START_NS);
}

static struct event_scan make_found(uint64_t cookie)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);

	return make_scan(cookie, &flow, TCP_ESTABLISHED, NULL, 0, START_NS);
}

static void add(struct scan_result *result, struct event_scan record)
{
	assert_int_equal(scan_result_add(result, &record, sizeof(record)), 0);
}

static bool in_order(const struct event_scan *a, const struct event_scan *b)
{
	if (a->cookie != b->cookie)
		return a->cookie < b->cookie;
	if (a->header.kind != b->header.kind)
		return a->header.kind == EVENT_SCAN_FD;
	if (a->task.start_ns != b->task.start_ns)
		return a->task.start_ns < b->task.start_ns;
	if (a->task.tgid != b->task.tgid)
		return a->task.tgid < b->task.tgid;
	return a->fd < b->fd;
}

/* The records of a socket are together, descriptors first, oldest holder first, none twice. */
static void random_records_are_sorted_and_grouped(void **state)
{
	struct scan_result result = {0};
	static bool seen[50], held[50][4][3][2];
	size_t sockets = 0, descriptors = 0, found = 0, walked = 0, count;

	(void)state;
	for (int n = 0; n < 3000; n++) {
		uint64_t c = random_below(50), t = random_below(4), s = random_below(3);
		uint64_t fd = random_below(2);
		static bool socket_seen[50];

		sockets += !seen[c];
		seen[c] = true;
		if (random_below(4)) {
			add(&result, make_holder(c + 1, (uint32_t)t + 1, 100 - s, (uint32_t)fd));
			descriptors += !held[c][t][s][fd];
			held[c][t][s][fd] = true;
		} else {
			add(&result, make_found(c + 1));
			found += !socket_seen[c];
			socket_seen[c] = true;
		}
	}
	scan_result_finish(&result);
	assert_int_equal(result.sockets, sockets);
	assert_int_equal(result.descriptors, descriptors);
	assert_int_equal(result.count, descriptors + found);
	for (size_t i = 1; i < result.count; i++)
		assert_true(in_order(&result.records[i - 1], &result.records[i]));
	for (size_t i = 0; i < result.count; i += count, walked++) {
		const struct event_scan *first;

		count = scan_result_group(&result, &result.records[i]);
		assert_true(count > 0);
		assert_int_equal(scan_result_find(&result, result.records[i].cookie, &first),
				 count);
		assert_ptr_equal(first, &result.records[i]);
		for (size_t j = 1; j < count; j++)
			assert_int_equal(result.records[i + j].cookie, result.records[i].cookie);
	}
	assert_int_equal(walked, sockets);
	scan_result_clear(&result);
}

static void find_is_exact(void **state)
{
	struct scan_result result = {0};
	const struct event_scan *first = (void *)&result;

	(void)state;
	scan_result_finish(&result);
	assert_int_equal(scan_result_find(&result, 1, &first), 0);
	for (uint64_t i = 0; i < 100; i++)
		add(&result, make_found(1000 - 10 * i));
	add(&result, make_found(UINT64_MAX));
	scan_result_finish(&result);
	assert_int_equal(result.sockets, 101);
	for (uint64_t cookie = 1; cookie < 1100; cookie++) {
		bool there = cookie % 10 == 0 && cookie >= 10 && cookie <= 1000;

		assert_int_equal(scan_result_find(&result, cookie, &first), there);
		if (there)
			assert_int_equal(first->cookie, cookie);
	}
	assert_int_equal(scan_result_find(&result, UINT64_MAX, &first), 1);
	assert_int_equal(scan_result_find(&result, UINT64_MAX - 1, &first), 0);
	scan_result_clear(&result);
}

static void holders_come_oldest_first(void **state)
{
	struct scan_result result = {0};
	const struct event_scan *first;

	(void)state;
	add(&result, make_found(5));
	add(&result, make_holder(5, 30, 300, 7));
	add(&result, make_holder(5, 40, 100, 9));
	add(&result, make_holder(5, 20, 200, 4));
	add(&result, make_holder(5, 40, 100, 3));
	scan_result_finish(&result);
	assert_int_equal(scan_result_find(&result, 5, &first), 5);
	assert_int_equal(first[0].task.tgid, 40);
	assert_int_equal(first[0].fd, 3);
	assert_int_equal(first[1].task.tgid, 40);
	assert_int_equal(first[1].fd, 9);
	assert_int_equal(first[2].task.tgid, 20);
	assert_int_equal(first[3].task.tgid, 30);
	assert_int_equal(first[4].header.kind, EVENT_SCAN_SOCKET);
	assert_int_equal(result.descriptors, 4);
	assert_int_equal(result.sockets, 1);
	scan_result_clear(&result);
}

/* Iterators over tables that change return some sockets twice. */
static void duplicates_count_once(void **state)
{
	struct scan_result result = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&result, make_found(5));
		add(&result, make_holder(5, 30, 300, 7));
		add(&result, make_holder(5, 30, 300, 8)); /* the same process, by dup() */
		add(&result, make_holder(5, 31, 300, 7));
		add(&result, make_holder(5, 30, 301, 7)); /* the pid was used again */
	}
	scan_result_finish(&result);
	assert_int_equal(result.count, 5);
	assert_int_equal(result.sockets, 1);
	assert_int_equal(result.descriptors, 4);
	scan_result_clear(&result);
}

static void malformed_records_are_refused(void **state)
{
	struct scan_result result = {0};
	struct event_scan record = make_found(5);

	(void)state;
	assert_int_equal(scan_result_add(&result, &record, sizeof(record) - 1), -EPROTO);
	record.header.size--;
	assert_int_equal(scan_result_add(&result, &record, sizeof(record) - 1), -EPROTO);
	record = make_found(5);
	record.state = 12;
	assert_int_equal(scan_result_add(&result, &record, sizeof(record)), -EPROTO);
	record = make_found(5);
	record.header.version++;
	assert_int_equal(scan_result_add(&result, &record, sizeof(record)), -EPROTO);
	record = make_found(0);
	assert_int_equal(scan_result_add(&result, &record, sizeof(record)), -EPROTO);
	record = make_found(5);
	assert_int_equal(scan_result_add(&result, &record, 0), -EPROTO);
	assert_int_equal(result.count, 0);
	scan_result_clear(&result);
}

/* Valid records that are none of a scan: one with an actor has the size of a scan record. */
static void records_of_the_ring_are_refused(void **state)
{
	struct scan_result result = {0};
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct event_task task = make_task(100, 5, "nginx");
	struct event_transition e =
		make_transition(5, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS);
	struct event_fork fork = make_fork(&task, &task);

	(void)state;
	assert_int_equal(scan_result_add(&result, &e, e.header.size), -EPROTO);
	assert_int_equal(scan_result_add(&result, &fork, sizeof(fork)), -EPROTO);
	make_actor(&e, &task);
	assert_int_equal(scan_result_add(&result, &e, e.header.size), -EPROTO);
	assert_int_equal(result.count, 0);
	scan_result_clear(&result);
}

static void what_was_seen_or_is_gone_is_covered(void **state)
{
	struct scan_result result = {0};

	(void)state;
	assert_int_equal(scan_result_add_seen(&result, NETNS), 0);
	assert_int_equal(scan_result_add_seen(&result, 7), 0);
	assert_int_equal(scan_result_add_unseen(&result, OTHER_NETNS), 0);
	/* Nothing is known of the others, or that there are none. */
	for (int gone = 0; gone < 2; gone++) {
		result.others_gone = gone;
		assert_true(scan_result_covers(&result, NETNS));
		assert_true(scan_result_covers(&result, 7));
		assert_false(scan_result_covers(&result, OTHER_NETNS));
		assert_int_equal(scan_result_covers(&result, 8), gone);
	}
	scan_result_clear(&result);
	assert_false(scan_result_covers(&result, NETNS));
}

/* A connection may become a mini-socket during the scan: it can be found as both. */
static void mini_sockets_come_last_and_once(void **state)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct scan_result result = {0};
	const struct event_scan *first;
	struct event_scan wrong = make_scan_mini(9, &flow, TCP_ESTABLISHED, 0, START_NS);

	(void)state;
	add(&result, make_scan_mini(2, &flow, TCP_TIME_WAIT, 0, START_NS));
	add(&result, make_scan_mini(1, &flow, TCP_TIME_WAIT, 0, START_NS + 1));
	add(&result, make_holder(1, 100, 5, 3));
	add(&result, make_found(1));
	add(&result, make_scan_mini(1, &flow, TCP_FIN_WAIT2, 0, START_NS)); /* the same one */
	add(&result, make_scan_mini(3, &flow, TCP_SYN_RECV, 77, START_NS));
	assert_int_equal(scan_result_add(&result, &wrong, sizeof(wrong)), -EPROTO);
	scan_result_finish(&result);
	assert_int_equal(result.count, 5);
	assert_int_equal(result.descriptors, 1);
	assert_int_equal(scan_result_find(&result, 1, &first), 3);
	assert_int_equal(first[0].header.kind, EVENT_SCAN_FD);
	assert_int_equal(first[1].header.kind, EVENT_SCAN_SOCKET);
	assert_int_equal(first[2].header.kind, EVENT_SCAN_MINI);
	assert_int_equal(scan_result_find(&result, 3, &first), 1);
	assert_int_equal(first->mini.age_us, 77);
	scan_result_clear(&result);
}

static void clear_makes_it_empty(void **state)
{
	struct scan_result result = {.tick_ns = 4000000, .started_ns = 1, .ended_ns = 2};
	static const struct scan_result empty;

	(void)state;
	for (uint64_t i = 1; i < 1000; i++)
		add(&result, make_found(i));
	scan_result_finish(&result);
	scan_result_clear(&result);
	assert_memory_equal(&result, &empty, sizeof(empty));
	add(&result, make_found(1));
	scan_result_finish(&result);
	assert_int_equal(result.count, 1);
	scan_result_clear(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_records_are_sorted_and_grouped),
		cmocka_unit_test(find_is_exact),
		cmocka_unit_test(holders_come_oldest_first),
		cmocka_unit_test(duplicates_count_once),
		cmocka_unit_test(malformed_records_are_refused),
		cmocka_unit_test(records_of_the_ring_are_refused),
		cmocka_unit_test(what_was_seen_or_is_gone_is_covered),
		cmocka_unit_test(mini_sockets_come_last_and_once),
		cmocka_unit_test(clear_makes_it_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
