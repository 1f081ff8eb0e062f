// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "socket_table.h"

#define SOCKETS	   20000
#define OPERATIONS 400000

/* The inverse of what spreads the cookies over the index: makes cookies that share a place in it.
 * If the hash changes these are ordinary cookies, and the tests still hold. */
#define HASH_INVERSE 0xf1de83e19937733dULL

_Static_assert(sizeof(struct tcp_socket) <= 136, "a million sockets fit in 136 MB");

static uint64_t crowded_cookie(uint64_t i)
{
	return ((7ULL << 32) + i + 1) * HASH_INVERSE;
}

/* The same, and what is kept of the hash to save looking at the socket is equal too. */
static uint64_t twin_cookie(uint64_t i)
{
	return ((7 + (i << 21)) << 32 | 5) * HASH_INVERSE;
}

/* Every third belongs three places further on, and is displaced by the others. */
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

static void check_socket(struct socket_table *table, uint64_t cookie, bool present, uint64_t mark)
{
	struct tcp_socket *socket = socket_table_find(table, cookie);

	if (!present) {
		assert_null(socket);
		return;
	}
	assert_non_null(socket);
	assert_true(socket->cookie == cookie);
	assert_true(socket->since_ns == mark);
	assert_ptr_equal(socket_table_at(table, socket->handle), socket);
}

/* Inserts, removals and look-ups at random, with what must be there kept in plain arrays. */
static void run_random(uint64_t (*cookie_of)(uint64_t i), uint64_t sockets, unsigned int operations)
{
	struct socket_table *table = socket_table_new();
	uint64_t *marks = calloc(sockets, sizeof(*marks));
	size_t count = 0;

	assert_non_null(table);
	assert_non_null(marks);
	for (unsigned int n = 1; n <= operations; n++) {
		uint64_t i = random_below(sockets);
		uint64_t cookie = cookie_of(i);
		struct tcp_socket *socket;

		check_socket(table, cookie, marks[i], marks[i]);
		/* Fills up first, then empties. */
		if (!marks[i] && random_below(10) < (n < operations / 2 ? 9 : 2)) {
			socket = socket_table_insert(table, cookie);
			assert_non_null(socket);
			socket->since_ns = n;
			marks[i] = n;
			count++;
		} else if (marks[i] && random_below(10) < (n < operations / 2 ? 2 : 9)) {
			socket_table_remove(table, socket_table_find(table, cookie));
			marks[i] = 0;
			count--;
		}
		assert_int_equal(socket_table_count(table), count);
	}
	for (uint64_t i = 0; i < sockets; i++)
		check_socket(table, cookie_of(i), marks[i], marks[i]);
	free(marks);
	socket_table_free(table);
}

static void random_operations_agree_with_a_reference(void **state)
{
	(void)state;
	run_random(kernel_cookie, SOCKETS, OPERATIONS);
	run_random(random_cookie, SOCKETS, OPERATIONS);
	run_random(kernel_cookie, 100, OPERATIONS);
}

/* All in one run of the index: every look-up walks, every removal shifts. */
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
	struct socket_table *table = socket_table_new();

	(void)state;
	for (int round = 0; round < 500; round++) {
		bool present[RUN] = {0};

		for (int i = 0; i < RUN; i++) {
			socket_table_insert(table, mixed_cookie(i))->since_ns = i;
			present[i] = true;
		}
		for (int left = RUN; left; left--) {
			int victim = (int)random_below(RUN);

			while (!present[victim])
				victim = (victim + 1) % RUN;
			socket_table_remove(table, socket_table_find(table, mixed_cookie(victim)));
			present[victim] = false;
			for (int i = 0; i < RUN; i++)
				check_socket(table, mixed_cookie(i), present[i], i);
		}
		assert_int_equal(socket_table_count(table), 0);
	}
	socket_table_free(table);
}

static void growth_keeps_every_socket_where_it_is(void **state)
{
	struct socket_table *table = socket_table_new();
	struct tcp_socket **where = calloc(100000, sizeof(struct tcp_socket *));

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		where[i] = socket_table_insert(table, kernel_cookie(i));
		assert_non_null(where[i]);
		where[i]->since_ns = i;
	}
	assert_int_equal(socket_table_count(table), 100000);
	for (uint64_t i = 0; i < 100000; i++) {
		assert_ptr_equal(socket_table_find(table, kernel_cookie(i)), where[i]);
		assert_int_equal(where[i]->since_ns, i);
	}
	assert_null(socket_table_find(table, kernel_cookie(100000)));
	free(where);
	socket_table_free(table);
}

static void new_sockets_are_zeroed_also_in_used_places(void **state)
{
	struct socket_table *table = socket_table_new();
	static const struct tcp_socket zero;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 1000; i++) {
			struct tcp_socket *socket = socket_table_insert(table, kernel_cookie(i));
			struct tcp_socket copy = *socket;

			assert_true(copy.cookie == kernel_cookie(i));
			assert_int_not_equal(copy.handle, 0);
			copy.cookie = 0;
			copy.handle = 0;
			assert_memory_equal(&copy, &zero, sizeof(zero));
			copy = *socket;
			memset(socket, 0xa5, sizeof(*socket));
			socket->cookie = copy.cookie;
			socket->handle = copy.handle;
		}
		for (uint64_t i = 0; i < 1000; i++)
			socket_table_remove(table, socket_table_find(table, kernel_cookie(i)));
	}
	socket_table_free(table);
}

/* A million connections, of which few are open at a time, must not need a million places. */
static void handles_are_used_again(void **state)
{
	struct socket_table *table = socket_table_new();
	uint32_t highest = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++) {
		struct tcp_socket *socket = socket_table_insert(table, kernel_cookie(i));

		if (socket->handle > highest)
			highest = socket->handle;
		if (i >= 100)
			socket_table_remove(table,
					    socket_table_find(table, kernel_cookie(i - 100)));
	}
	assert_int_equal(socket_table_count(table), 100);
	assert_true(highest <= 101);
	socket_table_free(table);
}

static void walk_shows_each_socket_once(void **state)
{
	struct socket_table *table = socket_table_new();
	static int shown[2000];
	struct tcp_socket *socket;
	uint32_t position = 0;

	(void)state;
	assert_null(socket_table_next(table, &position));
	for (uint64_t i = 0; i < 2000; i++)
		socket_table_insert(table, kernel_cookie(i));
	for (uint64_t i = 0; i < 2000; i += 2)
		socket_table_remove(table, socket_table_find(table, kernel_cookie(i)));
	position = 0;
	while ((socket = socket_table_next(table, &position)))
		shown[socket->cookie - kernel_cookie(0)]++;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(shown[i], i % 2);
	socket_table_free(table);
}

static void walk_survives_removal_of_what_it_showed(void **state)
{
	struct socket_table *table = socket_table_new();
	struct tcp_socket *socket;
	uint32_t position = 0;
	int shown = 0;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		socket_table_insert(table, kernel_cookie(i));
	while ((socket = socket_table_next(table, &position))) {
		shown++;
		if (socket->cookie % 3 == 0)
			socket_table_remove(table, socket);
	}
	assert_int_equal(shown, 3000);
	assert_int_equal(socket_table_count(table), 2000);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(!!socket_table_find(table, kernel_cookie(i)),
				 !!(kernel_cookie(i) % 3));
	socket_table_free(table);
}

static void free_takes_null(void **state)
{
	(void)state;
	socket_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_reference),
		cmocka_unit_test(crowded_places_agree_with_a_reference),
		cmocka_unit_test(removal_closes_the_gap_in_every_order),
		cmocka_unit_test(growth_keeps_every_socket_where_it_is),
		cmocka_unit_test(new_sockets_are_zeroed_also_in_used_places),
		cmocka_unit_test(handles_are_used_again),
		cmocka_unit_test(walk_shows_each_socket_once),
		cmocka_unit_test(walk_survives_removal_of_what_it_showed),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
