// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "base/deadline_heap.h"

#define ITEMS 5000

static int compare_at(const void *a, const void *b)
{
	const struct deadline *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* Pops everything. Each cookie must come at its own time, and the times in order. */
static void check_drained(struct deadline_heap *heap, struct deadline *wanted, size_t count)
{
	static bool taken[ITEMS];

	memset(taken, 0, sizeof(taken));
	qsort(wanted, count, sizeof(*wanted), compare_at);
	for (size_t i = 0; i < count; i++) {
		uint64_t cookie;
		size_t j = i;

		assert_int_equal(heap->count, count - i);
		assert_true(deadline_heap_first(heap) == wanted[i].at_ns);
		cookie = deadline_heap_pop(heap);
		while (j && wanted[j - 1].at_ns == wanted[i].at_ns)
			j--;
		while (j < count && wanted[j].at_ns == wanted[i].at_ns &&
		       (wanted[j].cookie != cookie || taken[j]))
			j++;
		assert_true(j < count && wanted[j].at_ns == wanted[i].at_ns);
		taken[j] = true;
	}
	assert_true(deadline_heap_first(heap) == UINT64_MAX);
}

static void pops_in_the_order_of_a_sort(void **state)
{
	static const uint64_t ranges[] = {1, 3, 100, ITEMS, UINT64_MAX};
	static const size_t counts[] = {1, 2, 3, 4, 63, 64, 65, 1000, ITEMS};
	static struct deadline wanted[ITEMS];

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
			struct deadline_heap heap = {0};

			for (size_t i = 0; i < counts[c]; i++) {
				wanted[i].at_ns = random64() % ranges[r];
				wanted[i].cookie = i + 1;
				assert_int_equal(deadline_heap_push(&heap, wanted[i].at_ns, i + 1),
						 0);
			}
			check_drained(&heap, wanted, counts[c]);
			deadline_heap_free(&heap);
		}
	}
}

static void sorted_input_comes_out_sorted(void **state)
{
	struct deadline_heap rising = {0}, falling = {0};

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		deadline_heap_push(&rising, i, i);
		deadline_heap_push(&falling, 1001 - i, 1001 - i);
	}
	for (uint64_t i = 1; i <= 1000; i++) {
		assert_int_equal(deadline_heap_pop(&rising), i);
		assert_int_equal(deadline_heap_pop(&falling), i);
	}
	deadline_heap_free(&rising);
	deadline_heap_free(&falling);
}

/* Mixes pushes with pops, and compares with an array that is searched. */
static void pushes_between_pops_keep_the_order(void **state)
{
	static struct deadline reference[ITEMS];
	struct deadline_heap heap = {0};
	size_t count = 0;

	(void)state;
	for (uint64_t n = 1; n <= 50000; n++) {
		size_t first = 0;

		if (count < 400 && (!count || random_below(5) < 3)) {
			reference[count] = (struct deadline){random64(), n};
			deadline_heap_push(&heap, reference[count].at_ns, n);
			count++;
			continue;
		}
		for (size_t i = 1; i < count; i++)
			if (reference[i].at_ns < reference[first].at_ns)
				first = i;
		assert_true(deadline_heap_first(&heap) == reference[first].at_ns);
		assert_int_equal(deadline_heap_pop(&heap), reference[first].cookie);
		reference[first] = reference[--count];
		assert_int_equal(heap.count, count);
	}
	deadline_heap_free(&heap);
}

static void empty_has_no_deadline(void **state)
{
	struct deadline_heap heap = {0};

	(void)state;
	assert_true(deadline_heap_first(&heap) == UINT64_MAX);
	deadline_heap_push(&heap, 5, 1);
	deadline_heap_free(&heap);
	assert_true(deadline_heap_first(&heap) == UINT64_MAX);
	deadline_heap_push(&heap, 7, 2); /* after deadline_heap_free() the heap is an empty one */
	assert_int_equal(deadline_heap_first(&heap), 7);
	assert_int_equal(deadline_heap_pop(&heap), 2);
	deadline_heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pops_in_the_order_of_a_sort),
		cmocka_unit_test(sorted_input_comes_out_sorted),
		cmocka_unit_test(pushes_between_pops_keep_the_order),
		cmocka_unit_test(empty_has_no_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
