// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/retransmit_table.h"

#define MS NS_PER_MS

static void entries_are_found_by_cookie(void **state)
{
	struct retransmit_table *table = retransmit_table_new(NULL, NULL);
	const struct retransmit *retransmit;

	(void)state;
	assert_null(retransmit_table_find(table, 7));
	assert_null(retransmit_table_oldest(table));
	retransmit = retransmit_table_insert(table, 7, 5 * MS);
	assert_ptr_equal(retransmit_table_find(table, 7), retransmit);
	assert_int_equal(retransmit->first_ns, 5 * MS);
	assert_int_equal(retransmit->last_ns, 5 * MS);
	assert_int_equal(retransmit->repeated, 0);
	assert_false(segment_count_any(&retransmit->waiting));
	assert_int_equal(retransmit_table_count(table), 1);
	retransmit_table_remove(table, retransmit_table_find(table, 7));
	assert_null(retransmit_table_find(table, 7));
	assert_int_equal(retransmit_table_count(table), 0);
	retransmit_table_free(table);
	retransmit_table_free(NULL);
}

static void the_oldest_is_the_one_whose_last_record_is(void **state)
{
	static const uint64_t wanted[] = {30, 50, 10, 20};
	struct retransmit_table *table = retransmit_table_new(NULL, NULL);

	(void)state;
	for (uint64_t cookie = 10; cookie <= 50; cookie += 10)
		assert_non_null(retransmit_table_insert(table, cookie, cookie * MS));
	retransmit_table_touch(table, retransmit_table_find(table, 10), 60 * MS); /* the oldest */
	retransmit_table_remove(table, retransmit_table_find(table, 40)); /* in the middle */
	retransmit_table_touch(table, retransmit_table_find(table, 20), 70 * MS);
	retransmit_table_touch(table, retransmit_table_find(table, 20), 65 * MS); /* came late */
	assert_int_equal(retransmit_table_find(table, 20)->first_ns, 20 * MS);
	assert_int_equal(retransmit_table_find(table, 20)->last_ns, 70 * MS);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct retransmit *oldest = retransmit_table_oldest(table);

		assert_non_null(oldest);
		assert_int_equal(oldest->cookie, wanted[i]);
		retransmit_table_remove(table, oldest);
	}
	assert_null(retransmit_table_oldest(table));
	retransmit_table_free(table);
}

static void a_walk_sees_each_once(void **state)
{
	struct retransmit_table *table = retransmit_table_new(NULL, NULL);
	const struct retransmit *retransmit;
	uint32_t position = 0;
	uint64_t seen = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 60; cookie++)
		assert_non_null(retransmit_table_insert(table, cookie, cookie));
	retransmit_table_remove(table, retransmit_table_find(table, 33));
	while ((retransmit = retransmit_table_next(table, &position))) {
		assert_false(seen >> retransmit->cookie & 1);
		seen |= 1ULL << retransmit->cookie;
	}
	assert_int_equal(seen, ((1ULL << 60) - 1) << 1 & ~(1ULL << 33));
	retransmit_table_free(table);
}

static void it_is_full_at_its_limit(void **state)
{
	struct retransmit_table *table = retransmit_table_new(NULL, NULL);

	(void)state;
	for (uint64_t cookie = 1; cookie <= RETRANSMIT_TABLE_LIMIT; cookie++) {
		assert_false(retransmit_table_is_full(table));
		assert_non_null(retransmit_table_insert(table, cookie, cookie));
	}
	assert_true(retransmit_table_is_full(table));
	retransmit_table_remove(table, retransmit_table_oldest(table));
	assert_false(retransmit_table_is_full(table));
	retransmit_table_free(table);
}

static void counts_add_up(void **state)
{
	struct segment_count sum = {0}, count = {.resets_sent = 1, .resets_received = 2};

	(void)state;
	assert_false(segment_count_any(&sum));
	count.repeated[TCP_SYN_SENT] = 3;
	count.repeated[TCP_CLOSING] = 4;
	segment_count_add(&sum, &count);
	segment_count_add(&sum, &count);
	assert_true(segment_count_any(&sum));
	assert_int_equal(sum.resets_sent, 2);
	assert_int_equal(sum.resets_received, 4);
	assert_int_equal(sum.repeated[TCP_SYN_SENT], 6);
	assert_int_equal(sum.repeated[TCP_CLOSING], 8);
	assert_int_equal(segment_count_repeated(&sum), 14);
	assert_true(segment_count_any(&(struct segment_count){.repeated[TCP_ESTABLISHED] = 1}));
	assert_true(segment_count_any(&(struct segment_count){.resets_sent = 1}));
	assert_true(segment_count_any(&(struct segment_count){.resets_received = 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_by_cookie),
		cmocka_unit_test(the_oldest_is_the_one_whose_last_record_is),
		cmocka_unit_test(a_walk_sees_each_once),
		cmocka_unit_test(it_is_full_at_its_limit),
		cmocka_unit_test(counts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
