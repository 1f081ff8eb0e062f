// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/ledger.h"

static void lost_is_the_sum_of_all_reasons(void **state)
{
	struct ledger ledger = {.seen = 1000, .delivered = 500};
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(ledger_lost(&ledger), 0);
	for (int i = 0; i < LOST_REASONS; i++) {
		ledger.lost[i] = 1ULL << (40 + i);
		sum += ledger.lost[i];
		assert_true(ledger_lost(&ledger) == sum);
	}
}

/* They are label values of tcpwatch_events_lost_total and keys of `end`. */
static void reasons_keep_their_names(void **state)
{
	(void)state;
	assert_string_equal(lost_reason_name(LOST_RING_FULL), "ring_full");
	assert_string_equal(lost_reason_name(LOST_RECURSION), "recursion");
	assert_string_equal(lost_reason_name(LOST_MALFORMED), "malformed");
	for (int i = 0; i < LOST_REASONS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(lost_reason_name(i), lost_reason_name(j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_is_the_sum_of_all_reasons),
		cmocka_unit_test(reasons_keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
