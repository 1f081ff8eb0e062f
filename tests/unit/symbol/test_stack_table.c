// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "symbol/stack_table.h"

static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "nginx"};

static struct event_stack stack_of(uint64_t number, uint16_t count)
{
	struct event_stack e = make_stack(7, &task, STACK_ACCEPT, START_NS);

	e.count = count;
	for (uint16_t i = 0; i < count; i++)
		e.frames[i] = 0x400000 + i * 64;
	e.frames[count - 1] = number; /* the outermost frame differs */
	return e;
}

static uint32_t add(struct stack_table *table, const struct event_stack *e, bool wants_new)
{
	/* Just the part in use, so that sanitizers find reads of frames behind it. */
	size_t size = offsetof(struct event_stack, frames) + e->count * sizeof(e->frames[0]);
	struct event_stack *exact = malloc(size);
	struct stack_added added;

	assert_non_null(exact);
	memcpy(exact, e, size);
	added = stack_table_add(table, exact);
	assert_int_equal(added.is_new, wants_new);
	assert_int_equal(added.dropped, 0);
	free(exact);
	return added.number;
}

static void numbers_begin_with_1_and_stay(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack first = stack_of(1, 3), second = stack_of(2, 64);

	(void)state;
	assert_non_null(table);
	assert_null(stack_table_get(table, 0));
	assert_null(stack_table_get(table, 1));
	assert_int_equal(add(table, &first, true), 1);
	assert_int_equal(add(table, &second, true), 2);
	assert_int_equal(add(table, &first, false), 1);
	assert_int_equal(add(table, &second, false), 2);
	assert_int_equal(stack_table_count(table), 2);
	assert_null(stack_table_get(table, 3));
	assert_null(stack_table_get(table, UINT32_MAX));
	stack_table_free(table);
}

static void what_was_put_in_comes_out(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack e = stack_of(1, 5);
	const struct stack *stack;

	(void)state;
	e.exec_id = 9;
	stack = stack_table_get(table, add(table, &e, true));
	assert_non_null(stack);
	assert_int_equal(stack->tgid, 100);
	assert_int_equal(stack->start_ns, 5);
	assert_int_equal(stack->exec_id, 9);
	assert_int_equal(stack->how, STACK_ACCEPT);
	assert_int_equal(stack->count, 5);
	assert_memory_equal(stack->frames, e.frames, 5 * sizeof(e.frames[0]));
	stack_table_free(table);
}

/* Another socket, another time, another thread's name: the stack is still the same. */
static void only_the_place_counts(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack e = stack_of(1, 5);

	(void)state;
	assert_int_equal(add(table, &e, true), 1);
	e.cookie++;
	e.time_ns++;
	e.task.comm[0] = 'N';
	e.header.netns++;
	assert_int_equal(add(table, &e, false), 1);
	stack_table_free(table);
}

static void every_part_of_the_place_counts(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack e = stack_of(1, 5), other;
	uint32_t id = add(table, &e, true);

	(void)state;
	other = e;
	other.task.tgid++;
	assert_int_equal(add(table, &other, true), ++id);
	other = e;
	other.task.start_ns++; /* the pid was reused */
	assert_int_equal(add(table, &other, true), ++id);
	other = e;
	other.exec_id++;
	assert_int_equal(add(table, &other, true), ++id);
	other = e;
	other.how = STACK_CONNECT;
	assert_int_equal(add(table, &other, true), ++id);
	other = e;
	other.count--;
	assert_int_equal(add(table, &other, true), ++id);
	for (size_t i = 0; i < e.count; i++) {
		other = e;
		other.frames[i] ^= 1ULL << 63;
		assert_int_equal(add(table, &other, true), ++id);
	}
	assert_int_equal(add(table, &e, false), 1);
	stack_table_free(table);
}

/* Compares the table with a plain list of all that was added. */
static void many_are_found_again(void **state)
{
	struct stack_table *table = stack_table_new();
	uint32_t ids[5000] = {0}, next = 1;

	(void)state;
	for (size_t i = 0; i < 50000; i++) {
		size_t number = random_below(ARRAY_SIZE(ids));
		struct event_stack e = stack_of(number, (uint16_t)(1 + number % 64));
		uint32_t id = add(table, &e, !ids[number]);

		if (!ids[number])
			ids[number] = next++;
		assert_int_equal(id, ids[number]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct stack *stack = stack_table_get(table, ids[i]);

		assert_int_equal(!stack, !ids[i]);
		if (stack)
			assert_int_equal(stack->frames[stack->count - 1], i);
	}
	assert_int_equal(stack_table_count(table), next - 1);
	stack_table_free(table);
}

static void what_has_no_room_is_counted(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack e;

	(void)state;
	for (uint32_t i = 1; i <= STACK_TABLE_LIMIT; i++) {
		e = stack_of(i, 2);
		assert_int_equal(add(table, &e, true), i);
	}
	assert_int_equal(stack_table_refused(table), 0);
	e = stack_of(STACK_TABLE_LIMIT + 1, 2);
	assert_int_equal(add(table, &e, false), 0);
	assert_int_equal(add(table, &e, false), 0);
	assert_int_equal(stack_table_refused(table), 2);
	assert_int_equal(stack_table_count(table), STACK_TABLE_LIMIT);
	e = stack_of(17, 2);
	assert_int_equal(add(table, &e, false), 17);
	assert_int_equal(stack_table_refused(table), 2);
	stack_table_free(table);
}

/* A day of short processes: each has one socket, and a stack that no other process has. */
static void unused_ones_make_room(void **state)
{
	struct stack_table *table = stack_table_new();
	uint32_t last = 0, kept, numbers = 0;
	struct event_stack e = stack_of(0, 2);

	(void)state;
	kept = stack_table_add(table, &e).number;
	for (uint32_t i = 1; i <= 200000; i++) {
		struct stack_added added;

		e = stack_of(i, 2);
		added = stack_table_add(table, &e);
		assert_true(added.is_new && added.number && added.number != kept);
		assert_int_equal(!added.dropped, i < STACK_TABLE_LIMIT);
		numbers += added.dropped != 0;
		if (added.dropped)
			assert_null(stack_table_get(table, added.dropped));
		if (last)
			stack_table_release(table, last);
		last = added.number;
		assert_int_equal(stack_table_get(table, last)->frames[1], i);
	}
	assert_int_equal(numbers, 200001 - STACK_TABLE_LIMIT);
	assert_int_equal(stack_table_get(table, kept)->frames[1], 0);
	assert_int_equal(stack_table_refused(table), 0);
	assert_int_equal(stack_table_count(table), STACK_TABLE_LIMIT);
	stack_table_free(table);
}

/* In a daemon, short processes do not fill the table with stacks that nobody needs. */
static void unused_ones_have_a_bound(void **state)
{
	struct stack_table *table = stack_table_new();
	struct event_stack e;
	struct stack_added added;
	uint32_t hot;

	(void)state;
	stack_table_bound_unused(table, 100);
	e = stack_of(1000000, 2);
	hot = stack_table_add(table, &e).number;
	stack_table_release(table, hot);
	for (uint32_t i = 1; i <= 1000; i++) {
		e = stack_of(i, 2);
		added = stack_table_add(table, &e);
		assert_true(added.is_new && added.number);
		stack_table_release(table, added.number);
		/* One that is used now and then stays. */
		e = stack_of(1000000, 2);
		assert_int_equal(stack_table_add(table, &e).number, hot);
		stack_table_release(table, hot);
	}
	assert_in_range(stack_table_count(table), 100, 101);
	for (uint32_t i = 0; i < 1000; i++) { /* those in use have the whole table */
		e = stack_of(2000000 + i, 2);
		assert_true(stack_table_add(table, &e).number);
	}
	assert_in_range(stack_table_count(table), 1000, 1101);
	assert_int_equal(stack_table_refused(table), 0);
	stack_table_free(table);
}

/* Those that are used again are not dropped; the search finds all behind the holes. */
static void used_ones_stay(void **state)
{
	struct stack_table *table = stack_table_new();
	static uint32_t numbers[STACK_TABLE_LIMIT];
	struct event_stack e;

	(void)state;
	for (uint32_t i = 0; i < STACK_TABLE_LIMIT; i++) {
		e = stack_of(i, 2);
		numbers[i] = stack_table_add(table, &e).number;
		stack_table_release(table, numbers[i]);
	}
	for (uint32_t i = 0; i < STACK_TABLE_LIMIT; i += 2) {
		e = stack_of(i, 2);
		assert_int_equal(stack_table_add(table, &e).number, numbers[i]);
	}
	for (uint32_t i = 0; i < STACK_TABLE_LIMIT / 2; i++) {
		e = stack_of(1000000 + i, 2);
		assert_int_equal(stack_table_add(table, &e).dropped, numbers[2 * i + 1]);
	}
	e = stack_of(2000000, 2);
	assert_int_equal(stack_table_add(table, &e).number, 0);
	assert_int_equal(stack_table_refused(table), 1);
	for (uint32_t i = 0; i < STACK_TABLE_LIMIT; i += 2) {
		e = stack_of(i, 2);
		assert_int_equal(stack_table_add(table, &e).number, numbers[i]);
		assert_null(stack_table_get(table, numbers[i + 1]));
	}
	stack_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_begin_with_1_and_stay),
		cmocka_unit_test(what_was_put_in_comes_out),
		cmocka_unit_test(only_the_place_counts),
		cmocka_unit_test(every_part_of_the_place_counts),
		cmocka_unit_test(many_are_found_again),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(unused_ones_make_room),
		cmocka_unit_test(unused_ones_have_a_bound),
		cmocka_unit_test(used_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
