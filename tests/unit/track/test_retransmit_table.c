// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/retransmit_table.h"

#define MS NS_PER_MS

static void entries_are_found_by_cookie(void **state)
{
	struct segment_table *table = segment_table_new();
	const struct segment_trouble *trouble;

	(void)state;
	assert_null(segment_table_find(table, 7));
	assert_null(segment_table_oldest(table));
	trouble = segment_table_insert(table, 7, 5 * MS);
	assert_ptr_equal(segment_table_find(table, 7), trouble);
	assert_int_equal(trouble->first_ns, 5 * MS);
	assert_int_equal(trouble->last_ns, 5 * MS);
	assert_int_equal(trouble->repeated, 0);
	assert_false(segment_count_any(&trouble->waiting));
	assert_int_equal(segment_table_count(table), 1);
	segment_table_remove(table, segment_table_find(table, 7));
	assert_null(segment_table_find(table, 7));
	assert_int_equal(segment_table_count(table), 0);
	segment_table_free(table);
	segment_table_free(NULL);
}

static void the_oldest_is_the_one_without_trouble_for_longest(void **state)
{
	static const uint64_t wanted[] = {30, 50, 10, 20};
	struct segment_table *table = segment_table_new();

	(void)state;
	for (uint64_t cookie = 10; cookie <= 50; cookie += 10)
		assert_non_null(segment_table_insert(table, cookie, cookie * MS));
	segment_table_touch(table, segment_table_find(table, 10), 60 * MS); /* the oldest */
	segment_table_remove(table, segment_table_find(table, 40));	    /* in the middle */
	segment_table_touch(table, segment_table_find(table, 20), 70 * MS);
	segment_table_touch(table, segment_table_find(table, 20), 65 * MS); /* came late */
	assert_int_equal(segment_table_find(table, 20)->first_ns, 20 * MS);
	assert_int_equal(segment_table_find(table, 20)->last_ns, 70 * MS);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct segment_trouble *oldest = segment_table_oldest(table);

		assert_non_null(oldest);
		assert_int_equal(oldest->cookie, wanted[i]);
		segment_table_remove(table, oldest);
	}
	assert_null(segment_table_oldest(table));
	segment_table_free(table);
}

static void a_walk_sees_each_once(void **state)
{
	struct segment_table *table = segment_table_new();
	const struct segment_trouble *trouble;
	uint32_t position = 0;
	uint64_t seen = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 60; cookie++)
		assert_non_null(segment_table_insert(table, cookie, cookie));
	segment_table_remove(table, segment_table_find(table, 33));
	while ((trouble = segment_table_next(table, &position))) {
		assert_false(seen >> trouble->cookie & 1);
		seen |= 1ULL << trouble->cookie;
	}
	assert_int_equal(seen, ((1ULL << 60) - 1) << 1 & ~(1ULL << 33));
	segment_table_free(table);
}

static void it_is_full_at_its_limit(void **state)
{
	struct segment_table *table = segment_table_new();

	(void)state;
	for (uint64_t cookie = 1; cookie <= SEGMENT_TABLE_LIMIT; cookie++) {
		assert_false(segment_table_is_full(table));
		assert_non_null(segment_table_insert(table, cookie, cookie));
	}
	assert_true(segment_table_is_full(table));
	segment_table_remove(table, segment_table_oldest(table));
	assert_false(segment_table_is_full(table));
	segment_table_free(table);
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
		cmocka_unit_test(the_oldest_is_the_one_without_trouble_for_longest),
		cmocka_unit_test(a_walk_sees_each_once),
		cmocka_unit_test(it_is_full_at_its_limit),
		cmocka_unit_test(counts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
