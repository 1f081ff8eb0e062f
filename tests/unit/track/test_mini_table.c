// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/mini_table.h"

#define MS NS_PER_MS

static struct process nobody, somebody;

/* Inserts every other one, and appends the others. */
static struct mini_socket *add(struct mini_table *table, uint64_t cookie, uint64_t seen_ns)
{
	return cookie % 20 < 10 ? mini_table_insert(table, cookie, seen_ns)
				: mini_table_append(table, cookie, seen_ns);
}

/* The table has exactly these cookies, in this order. */
static void check_order(struct mini_table *table, const uint64_t *cookies, size_t count)
{
	const struct mini_socket *mini;

	assert_int_equal(mini_table_count(table), count);
	for (size_t i = 0; i < count; i++) {
		mini = mini_table_oldest(table);
		assert_non_null(mini);
		assert_int_equal(mini->cookie, cookies[i]);
		mini_table_remove(table, mini_table_find(table, cookies[i]));
	}
	assert_null(mini_table_oldest(table));
	assert_int_equal(mini_table_count(table), 0);
}

static void the_oldest_is_the_one_not_seen_for_longest(void **state)
{
	static const uint64_t wanted[] = {30, 50, 10, 20};
	struct mini_table *table = mini_table_new();

	(void)state;
	assert_null(mini_table_oldest(table));
	for (uint64_t cookie = 10; cookie <= 50; cookie += 10)
		assert_int_equal(add(table, cookie, cookie * MS)->seen_ns, cookie * MS);
	mini_table_touch(table, mini_table_find(table, 10), 60 * MS); /* the oldest */
	mini_table_remove(table, mini_table_find(table, 40));	      /* in the middle */
	mini_table_touch(table, mini_table_find(table, 20), 70 * MS);
	mini_table_touch(table, mini_table_find(table, 20), 80 * MS); /* the newest again */
	assert_int_equal(mini_table_find(table, 20)->seen_ns, 80 * MS);
	assert_int_equal(mini_table_find(table, 30)->seen_ns, 30 * MS);
	assert_null(mini_table_find(table, 40));
	check_order(table, wanted, ARRAY_SIZE(wanted));
	mini_table_free(table);
}

/* Insertions, touches and removals at random; the order is kept in a plain array. */
static void random_operations_agree_with_a_reference(void **state)
{
	enum { MOST = 200 };
	struct mini_table *table = mini_table_new();
	uint64_t order[MOST];
	uint64_t next = 1;
	size_t count = 0;

	(void)state;
	for (uint64_t now = 1; now < 20000; now++) {
		size_t at = count ? random_below(count) : 0;
		uint64_t cookie = count ? order[at] : 0;
		unsigned int what = (unsigned int)random_below(3);

		if (what == 0 && count < MOST) {
			assert_non_null(add(table, next, now));
			order[count++] = next++;
			continue;
		}
		if (!count)
			continue;
		memmove(&order[at], &order[at + 1], (--count - at) * sizeof(*order));
		if (what == 1) {
			mini_table_remove(table, mini_table_find(table, cookie));
		} else {
			mini_table_touch(table, mini_table_find(table, cookie), now);
			order[count++] = cookie;
		}
		if (count)
			assert_int_equal(mini_table_oldest(table)->cookie, order[0]);
	}
	check_order(table, order, count);
	mini_table_free(table);
}

/* An entry that is used again is zero at first. */
static void new_ones_are_zeroed(void **state)
{
	struct mini_table *table = mini_table_new();
	struct mini_socket *mini = mini_table_insert(table, 1, 5);

	(void)state;
	mini_set_owner(mini, &somebody, 7);
	mini->state = TCP_TIME_WAIT;
	mini->since_known = mini->hidden = mini->scanned = 1;
	mini->since_ns = 77;
	mini_table_remove(table, mini);
	mini = mini_table_insert(table, 2, 6);
	assert_null(mini->owner);
	assert_int_equal(mini->owner_source, 0);
	assert_int_equal(mini->state, 0);
	assert_int_equal(mini->since_known + mini->hidden + mini->scanned, 0);
	assert_int_equal(mini->since_ns, 0);
	assert_int_equal(mini->seen_ns, 6);
	mini_table_free(table);
}

/* What a scan sees leaves the log with all that is known of it. */
static void touched_ones_leave_the_log(void **state)
{
	struct mini_table *table = mini_table_new();
	struct mini_socket *mini = mini_table_append(table, 1, 5);

	(void)state;
	somebody.sockets = somebody.minis = 0;
	mini_set_owner(mini, &somebody, 7);
	mini->state = TCP_TIME_WAIT;
	mini->netns = 77;
	mini->since_ns = 4;
	mini->since_known = 1;
	assert_null(mini_table_find_indexed(table, 1));
	assert_ptr_equal(mini_table_find(table, 1), mini);
	mini = mini_table_touch(table, mini, 9);
	assert_ptr_equal(mini_table_find_indexed(table, 1), mini);
	assert_ptr_equal(mini_table_find(table, 1), mini);
	assert_ptr_equal(mini->owner, &somebody);
	assert_int_equal(mini->owner_source, 7);
	assert_int_equal(mini->state, TCP_TIME_WAIT);
	assert_int_equal(mini->netns, 77);
	assert_int_equal(mini->since_ns + mini->since_known, 5);
	assert_int_equal(mini->seen_ns, 9);
	assert_int_equal(mini_table_count(table), 1);
	assert_int_equal(somebody.sockets + somebody.minis, 2);
	assert_ptr_equal(mini_table_touch(table, mini, 10), mini);
	mini_table_remove(table, mini);
	assert_int_equal(somebody.sockets + somebody.minis, 0);
	assert_int_equal(mini_table_count(table), 0);
	mini_table_free(table);
}

/* A process is not folded while it owns a mini-socket. */
static void owners_count_what_is_theirs(void **state)
{
	struct mini_table *table = mini_table_new();
	struct mini_socket *first = mini_table_insert(table, 1, 5);
	struct mini_socket *second = mini_table_insert(table, 2, 5);

	(void)state;
	nobody.sockets = somebody.sockets = 0;
	mini_set_owner(first, &somebody, 4);
	mini_set_owner(second, &somebody, 4);
	assert_int_equal(somebody.sockets, 2);
	assert_int_equal(first->owner_source, 4);
	mini_set_owner(first, &somebody, 6); /* the same owner by a better source */
	assert_int_equal(somebody.sockets, 2);
	mini_set_owner(first, &nobody, 7);
	assert_int_equal(somebody.sockets, 1);
	assert_int_equal(nobody.sockets, 1);
	assert_int_equal(first->owner_source, 7);
	mini_set_owner(first, NULL, 0);
	assert_int_equal(nobody.sockets, 0);
	mini_table_touch(table, second, 9);
	assert_ptr_equal(second->owner, &somebody);
	mini_table_remove(table, second);
	assert_int_equal(somebody.sockets, 0);
	mini_table_remove(table, first);
	mini_table_free(table);
}

/* A flood does not fill the memory: those not seen for longest are removed. */
static void only_so_many_are_kept(void **state)
{
	struct mini_table *table = mini_table_new();
	const uint64_t more = 1000;

	(void)state;
	nobody.sockets = 0;
	for (uint64_t i = 1; i <= MINI_TABLE_LIMIT; i++)
		mini_set_owner(add(table, i, i), &nobody, 1);
	assert_int_equal(mini_table_count(table), MINI_TABLE_LIMIT);
	mini_table_touch(table, mini_table_find(table, 1), MINI_TABLE_LIMIT + 1);
	for (uint64_t i = 1; i <= more; i++)
		mini_set_owner(add(table, MINI_TABLE_LIMIT + i, MINI_TABLE_LIMIT + i), &nobody, 1);
	assert_int_equal(mini_table_count(table), MINI_TABLE_LIMIT);
	assert_int_equal(nobody.sockets, MINI_TABLE_LIMIT);
	assert_non_null(mini_table_find(table, 1)); /* seen again */
	for (uint64_t i = 2; i <= more + 1; i++)
		assert_null(mini_table_find(table, i));
	assert_non_null(mini_table_find(table, more + 2));
	assert_int_equal(mini_table_oldest(table)->cookie, more + 2);
	mini_table_free(table);
}

static void walk_shows_each_one_once(void **state)
{
	struct mini_table *table = mini_table_new();
	struct mini_socket *mini;
	uint32_t position = 0;
	uint64_t sum = 0;

	(void)state;
	assert_null(mini_table_next(table, &position));
	for (uint64_t i = 1; i <= 100; i++)
		add(table, i, i);
	position = 0;
	while ((mini = mini_table_next(table, &position))) {
		sum += mini->cookie;
		mini_table_remove(table, mini); /* allowed during a walk */
	}
	assert_int_equal(sum, 5050);
	assert_int_equal(mini_table_count(table), 0);
	mini_table_free(table);
	mini_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_is_the_one_not_seen_for_longest),
		cmocka_unit_test(random_operations_agree_with_a_reference),
		cmocka_unit_test(new_ones_are_zeroed),
		cmocka_unit_test(touched_ones_leave_the_log),
		cmocka_unit_test(owners_count_what_is_theirs),
		cmocka_unit_test(only_so_many_are_kept),
		cmocka_unit_test(walk_shows_each_one_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
