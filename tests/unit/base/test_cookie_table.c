// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "base/cookie_table.h"
#include "track/mini_table.h"
#include "track/socket_table.h"

#define ENTRIES	   20000
#define OPERATIONS 400000

/* The inverse of the factor that spreads cookies over the index: it makes cookies that share a
 * place and a tag. If the hash changes, these become ordinary cookies, and the tests still hold. */
#define HASH_INVERSE 0xf1de83e19937733dULL

_Static_assert(sizeof(struct tcp_socket) <= 136, "a million sockets fit in 136 MB");
_Static_assert(sizeof(struct mini_socket) <= 56, "as many mini-sockets as are kept fit in 15 MB");

struct entry {
	uint64_t cookie; /* these two are a struct cookie_entry */
	uint32_t handle;
	uint32_t rest;
	uint64_t mark;
	unsigned char more[93]; /* the compiler rounds odd sizes up */
};

static uint64_t crowded_cookie(uint64_t i)
{
	return ((7ULL << 32) + i + 1) * HASH_INVERSE;
}

/* The same, with different tags: those save reading the entries. */
static uint64_t twin_cookie(uint64_t i)
{
	return ((7 + (i << 21)) << 32 | 5) * HASH_INVERSE;
}

/* Every third cookie belongs three places further on, and is displaced by the others. */
static uint64_t mixed_cookie(uint64_t i)
{
	return crowded_cookie(i) + (i % 3 ? 0 : (3ULL << 32) * HASH_INVERSE);
}

static uint64_t kernel_cookie(uint64_t i)
{
	return 4097 + i;
}

static uint64_t random_cookie(uint64_t i)
{
	uint64_t cookie = (i + 1) * 0xd6e8feb86659fd93ULL;

	cookie ^= cookie >> 32;
	return cookie ? cookie : 1;
}

static struct entry *insert(struct cookie_table *table, uint64_t cookie)
{
	struct entry *entry = cookie_table_insert(table, cookie);

	assert_non_null(entry);
	return entry;
}

static void check_entry(struct cookie_table *table, uint64_t cookie, bool present, uint64_t mark)
{
	struct entry *entry = cookie_table_find(table, cookie);

	if (!present) {
		assert_null(entry);
		return;
	}
	assert_non_null(entry);
	assert_true(entry->cookie == cookie);
	assert_true(entry->mark == mark);
	assert_ptr_equal(cookie_table_at(table, entry->handle), entry);
}

/* Random inserts, removals and look-ups, compared with plain arrays. */
static void run_random(uint64_t (*cookie_of)(uint64_t i), uint64_t entries, unsigned int operations)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	uint64_t *marks = calloc(entries, sizeof(*marks));
	size_t count = 0;

	assert_non_null(table);
	assert_non_null(marks);
	for (unsigned int n = 1; n <= operations; n++) {
		uint64_t i = random_below(entries);
		uint64_t cookie = cookie_of(i);
		struct entry *entry;

		check_entry(table, cookie, marks[i], marks[i]);
		/* The table fills up first, then empties. */
		if (!marks[i] && random_below(10) < (n < operations / 2 ? 9 : 2)) {
			entry = cookie_table_insert(table, cookie);
			assert_non_null(entry);
			entry->mark = n;
			marks[i] = n;
			count++;
		} else if (marks[i] && random_below(10) < (n < operations / 2 ? 2 : 9)) {
			cookie_table_remove(table, cookie_table_find(table, cookie));
			marks[i] = 0;
			count--;
		}
		assert_int_equal(cookie_table_count(table), count);
	}
	for (uint64_t i = 0; i < entries; i++)
		check_entry(table, cookie_of(i), marks[i], marks[i]);
	free(marks);
	cookie_table_free(table);
}

static void random_operations_agree_with_a_reference(void **state)
{
	(void)state;
	run_random(kernel_cookie, ENTRIES, OPERATIONS);
	run_random(random_cookie, ENTRIES, OPERATIONS);
	run_random(kernel_cookie, 100, OPERATIONS);
}

/* All entries are in one run of the index: every look-up walks, every removal shifts. */
static void crowded_places_agree_with_a_reference(void **state)
{
	(void)state;
	run_random(crowded_cookie, 300, 100000);
	run_random(twin_cookie, 300, 100000);
	run_random(mixed_cookie, 300, 100000);
}

static void removal_closes_the_gap_in_every_order(void **state)
{
	enum { RUN = 40 };
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));

	(void)state;
	for (int round = 0; round < 500; round++) {
		bool present[RUN] = {0};

		for (int i = 0; i < RUN; i++) {
			insert(table, mixed_cookie(i))->mark = i;
			present[i] = true;
		}
		for (int left = RUN; left; left--) {
			int victim = (int)random_below(RUN);

			while (!present[victim])
				victim = (victim + 1) % RUN;
			cookie_table_remove(table, cookie_table_find(table, mixed_cookie(victim)));
			present[victim] = false;
			for (int i = 0; i < RUN; i++)
				check_entry(table, mixed_cookie(i), present[i], i);
		}
		assert_int_equal(cookie_table_count(table), 0);
	}
	cookie_table_free(table);
}

static void growth_keeps_every_entry_where_it_is(void **state)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	struct entry **where = calloc(100000, sizeof(*where));

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		where[i] = cookie_table_insert(table, kernel_cookie(i));
		assert_non_null(where[i]);
		where[i]->mark = i;
	}
	assert_int_equal(cookie_table_count(table), 100000);
	for (uint64_t i = 0; i < 100000; i++) {
		assert_ptr_equal(cookie_table_find(table, kernel_cookie(i)), where[i]);
		assert_int_equal(where[i]->mark, i);
	}
	assert_null(cookie_table_find(table, kernel_cookie(100000)));
	free(where);
	cookie_table_free(table);
}

static void new_entries_are_zeroed_also_in_used_places(void **state)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	static const struct entry zero;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 1000; i++) {
			struct entry *entry = cookie_table_insert(table, kernel_cookie(i));
			struct entry copy = *entry;

			assert_true(copy.cookie == kernel_cookie(i));
			assert_int_not_equal(copy.handle, 0);
			copy.cookie = 0;
			copy.handle = 0;
			assert_memory_equal(&copy, &zero, sizeof(zero));
			copy = *entry;
			memset(entry, 0xa5, sizeof(*entry));
			entry->cookie = copy.cookie;
			entry->handle = copy.handle;
		}
		for (uint64_t i = 0; i < 1000; i++)
			cookie_table_remove(table, cookie_table_find(table, kernel_cookie(i)));
	}
	cookie_table_free(table);
}

/* A million connections, of which few are open at a time, must not need memory for a million. */
static void handles_are_used_again(void **state)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	uint32_t highest = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++) {
		struct entry *entry = cookie_table_insert(table, kernel_cookie(i));

		if (entry->handle > highest)
			highest = entry->handle;
		if (i >= 100)
			cookie_table_remove(table,
					    cookie_table_find(table, kernel_cookie(i - 100)));
	}
	assert_int_equal(cookie_table_count(table), 100);
	assert_true(highest <= 101);
	cookie_table_free(table);
}

static void walk_shows_each_entry_once(void **state)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	static int shown[2000];
	struct entry *entry;
	uint32_t position = 0;

	(void)state;
	assert_null(cookie_table_next(table, &position));
	for (uint64_t i = 0; i < 2000; i++)
		cookie_table_insert(table, kernel_cookie(i));
	for (uint64_t i = 0; i < 2000; i += 2)
		cookie_table_remove(table, cookie_table_find(table, kernel_cookie(i)));
	position = 0;
	while ((entry = cookie_table_next(table, &position)))
		shown[entry->cookie - kernel_cookie(0)]++;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(shown[i], i % 2);
	cookie_table_free(table);
}

static void walk_survives_removal_of_what_it_showed(void **state)
{
	struct cookie_table *table = cookie_table_new(sizeof(struct entry));
	struct entry *entry;
	uint32_t position = 0;
	int shown = 0;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		cookie_table_insert(table, kernel_cookie(i));
	while ((entry = cookie_table_next(table, &position))) {
		shown++;
		if (entry->cookie % 3 == 0)
			cookie_table_remove(table, entry);
	}
	assert_int_equal(shown, 3000);
	assert_int_equal(cookie_table_count(table), 2000);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(!!cookie_table_find(table, kernel_cookie(i)),
				 !!(kernel_cookie(i) % 3));
	cookie_table_free(table);
}

/* Entries of several sizes: neighbours must not overwrite each other. */
static void entries_of_any_size_are_apart(void **state)
{
	static const size_t sizes[] = {sizeof(struct cookie_entry), 24, sizeof(struct mini_socket),
				       sizeof(struct tcp_socket), 1000};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		struct cookie_table *table = cookie_table_new(sizes[n]);
		size_t body = sizes[n] - sizeof(struct cookie_entry);

		assert_non_null(table);
		for (uint64_t i = 0; i < 5000; i++) {
			struct cookie_entry *entry = cookie_table_insert(table, kernel_cookie(i));

			assert_non_null(entry);
			memset(entry + 1, (int)(i & 0xff), body);
		}
		for (uint64_t i = 0; i < 5000; i++) {
			struct cookie_entry *entry = cookie_table_find(table, kernel_cookie(i));
			const unsigned char *bytes = (const unsigned char *)(entry + 1);

			assert_non_null(entry);
			assert_true(entry->cookie == kernel_cookie(i));
			assert_ptr_equal(cookie_table_at(table, entry->handle), entry);
			for (size_t j = 0; j < body; j++)
				assert_int_equal(bytes[j], i & 0xff);
		}
		cookie_table_free(table);
	}
}

/* The table of sockets is such a table. */
static void sockets_are_entries(void **state)
{
	struct socket_table *table = socket_table_new();
	struct tcp_socket *socket = socket_table_insert(table, 7);
	uint32_t position = 0;

	(void)state;
	assert_non_null(socket);
	assert_ptr_equal(socket_table_find(table, 7), socket);
	assert_ptr_equal(socket_table_at(table, socket->handle), socket);
	assert_ptr_equal(socket_table_next(table, &position), socket);
	assert_null(socket_table_next(table, &position));
	socket_table_remove(table, socket);
	assert_int_equal(socket_table_count(table), 0);
	socket_table_free(table);
	socket_table_free(NULL);
}

static void free_takes_null(void **state)
{
	(void)state;
	cookie_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_reference),
		cmocka_unit_test(crowded_places_agree_with_a_reference),
		cmocka_unit_test(removal_closes_the_gap_in_every_order),
		cmocka_unit_test(growth_keeps_every_entry_where_it_is),
		cmocka_unit_test(new_entries_are_zeroed_also_in_used_places),
		cmocka_unit_test(handles_are_used_again),
		cmocka_unit_test(walk_shows_each_entry_once),
		cmocka_unit_test(walk_survives_removal_of_what_it_showed),
		cmocka_unit_test(entries_of_any_size_are_apart),
		cmocka_unit_test(sockets_are_entries),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
