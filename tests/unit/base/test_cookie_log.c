// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "base/cookie_log.h"
#include "base/cookie_table.h"

#define LIMIT 3000

struct entry {
	uint64_t cookie; /* these two are a struct cookie_entry */
	uint32_t handle;
	uint32_t mark;
	uint64_t more;
};

static struct cookie_log *new_log(void)
{
	struct cookie_log *log = cookie_log_new(sizeof(struct entry), LIMIT);

	assert_non_null(log);
	return log;
}

static struct entry *append(struct cookie_log *log, uint64_t cookie, uint32_t mark)
{
	struct entry *entry = cookie_log_append(log, cookie);

	assert_non_null(entry);
	assert_int_equal(entry->cookie, cookie);
	assert_int_equal(entry->handle, 0);
	assert_int_equal(entry->mark, 0);
	assert_int_equal(entry->more, 0);
	entry->mark = mark;
	entry->more = ~cookie;
	return entry;
}

/* The log has these cookies in this order. */
static void check(struct cookie_log *log, const uint64_t *all, size_t count)
{
	const struct entry *entry;
	uint32_t position = 0;

	assert_int_equal(cookie_log_count(log), count);
	for (size_t i = 0; i < count; i++) {
		entry = cookie_log_next(log, &position);
		assert_non_null(entry);
		assert_int_equal(entry->cookie, all[i]);
		assert_int_equal(entry->more, ~all[i]);
	}
	assert_null(cookie_log_next(log, &position));
	entry = cookie_log_first(log);
	assert_int_equal(entry ? entry->cookie : 0, count ? all[0] : 0);
}

static void an_empty_one_has_nothing(void **state)
{
	struct cookie_log *log = new_log();

	(void)state;
	check(log, NULL, 0);
	assert_null(cookie_log_find(log, 1));
	cookie_log_free(log);
	cookie_log_free(NULL);
}

/* At the limit nothing is added; what was removed makes room, wherever it was. */
static void it_has_a_limit(void **state)
{
	struct cookie_log *log = new_log();

	(void)state;
	for (uint64_t i = 1; i <= LIMIT; i++)
		append(log, i, 0);
	assert_null(cookie_log_append(log, LIMIT + 1));
	cookie_log_remove(log, cookie_log_find(log, LIMIT / 2));
	append(log, LIMIT + 1, 0);
	assert_null(cookie_log_append(log, LIMIT + 2));
	assert_null(cookie_log_find(log, LIMIT / 2));
	assert_non_null(cookie_log_find(log, LIMIT + 1));
	cookie_log_free(log);
}

/* The first one stays, so that the places of all others after it are not free: they are given up
 * all the same when there are too many. */
static void one_that_stays_keeps_nothing_else(void **state)
{
	struct cookie_log *log = new_log();
	uint64_t left[] = {7, 9};

	(void)state;
	append(log, left[0], 0);
	append(log, left[1], 0);
	for (uint64_t i = 0; i < 100 * LIMIT; i++) {
		cookie_log_remove(log, append(log, 1000 + i, 0));
		assert_int_equal(cookie_log_count(log), 2);
	}
	check(log, left, 2);
	assert_int_equal(((struct entry *)cookie_log_find(log, 9))->more, ~9ULL);
	cookie_log_free(log);
}

static void of_the_same_cookie_the_newest_is_found(void **state)
{
	struct cookie_log *log = new_log();
	struct entry *found;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		append(log, 5, i);
		append(log, 100 + i, 0);
		found = cookie_log_find(log, 5);
		assert_int_equal(found->mark, i);
	}
	cookie_log_remove(log, found);
	found = cookie_log_find(log, 5);
	assert_int_equal(found->mark, 8);
	cookie_log_free(log);
}

/* Mostly the oldest are removed, as by age, and some others, as by a scan. */
static void random_operations_agree_with_a_reference(void **state)
{
	static uint64_t all[LIMIT];
	struct cookie_log *log = new_log();
	uint64_t next = 1, removed = 0;
	size_t count = 0, at;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		unsigned int what = (unsigned int)random_below(i / 10000 % 2 ? 5 : 12);

		if (what > 3 && count < LIMIT) {
			append(log, next, 0);
			all[count++] = next++;
		} else if (count && what < 3) {
			at = what ? 0 : random_below(count);
			removed = all[at];
			if (at)
				cookie_log_remove(log, cookie_log_find(log, removed));
			else
				cookie_log_remove(log, cookie_log_first(log));
			memmove(&all[at], &all[at + 1], (--count - at) * sizeof(*all));
		} else if (count && what == 3) {
			at = random_below(count);
			assert_int_equal(((struct entry *)cookie_log_find(log, all[at]))->cookie,
					 all[at]);
			assert_null(cookie_log_find(log, next));
			if (removed)
				assert_null(cookie_log_find(log, removed));
		}
		if (i % 1000 == 0)
			check(log, all, count);
	}
	check(log, all, count);
	while (count) {
		cookie_log_remove(log, cookie_log_find(log, all[--count]));
		if (count % 100 == 0)
			check(log, all, count);
	}
	cookie_log_free(log);
}

/* An entry may be removed when a walk has come to it. */
static void a_walk_may_remove(void **state)
{
	struct cookie_log *log = new_log();
	uint64_t left[LIMIT / 3];
	struct entry *entry;
	uint32_t position = 0;
	size_t count = 0;

	(void)state;
	for (uint64_t i = 0; i < LIMIT; i++)
		append(log, 1 + i, 0);
	while ((entry = cookie_log_next(log, &position))) {
		if (entry->cookie % 3)
			cookie_log_remove(log, entry);
		else
			left[count++] = entry->cookie;
	}
	assert_int_equal(count, LIMIT / 3);
	check(log, left, count);
	cookie_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_has_nothing),
		cmocka_unit_test(it_has_a_limit),
		cmocka_unit_test(one_that_stays_keeps_nothing_else),
		cmocka_unit_test(of_the_same_cookie_the_newest_is_found),
		cmocka_unit_test(random_operations_agree_with_a_reference),
		cmocka_unit_test(a_walk_may_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
