// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/completeness.h"

/* A host with `rate` records a second, of which `lost` are lost, for so many seconds. */
static uint64_t run(struct completeness *completeness, struct ledger *ledger, uint64_t from_ns,
		    unsigned int seconds, uint64_t rate, uint64_t lost)
{
	for (unsigned int i = 0; i < seconds; i++) {
		for (unsigned int turn = 0; turn < 10; turn++)
			completeness_note(completeness, ledger, from_ns + turn * 100 * NS_PER_MS);
		ledger->seen += rate;
		ledger->lost[LOST_RING_FULL] += lost;
		from_ns += NS_PER_S;
	}
	return from_ns;
}

static bool lacks(uint64_t rate, uint64_t lost)
{
	struct completeness completeness = {0};
	struct ledger ledger = {0};

	run(&completeness, &ledger, START_NS, 10, rate, lost);
	return completeness_lacks(&completeness, &ledger);
}

static void nothing_lost_is_complete(void **state)
{
	(void)state;
	assert_false(lacks(0, 0));
	assert_false(lacks(100000, 0));
}

static void a_part_in_a_thousand_is_too_much(void **state)
{
	(void)state;
	assert_false(lacks(100000, 99));
	assert_true(lacks(100000, 100));
	assert_true(lacks(100000, 70000));
}

/* Some tens in a million were measured where a program interrupts itself. */
static void single_losses_are_not(void **state)
{
	struct completeness completeness = {0};
	struct ledger ledger = {.seen = 41, .lost[LOST_RECURSION] = 2};

	(void)state;
	completeness_note(&completeness, &ledger, START_NS);
	assert_false(completeness_lacks(&completeness, &ledger));
	ledger.lost[LOST_RECURSION] = 3;
	assert_true(completeness_lacks(&completeness, &ledger));
}

/* One bad second of an hour hides what leaked in it. */
static void a_burst_is_not_diluted(void **state)
{
	struct completeness completeness = {0};
	struct ledger ledger = {0};
	uint64_t now_ns = run(&completeness, &ledger, START_NS, 1800, 10000, 0), burst_ns;

	(void)state;
	assert_false(completeness_lacks(&completeness, &ledger));
	burst_ns = now_ns;
	now_ns = run(&completeness, &ledger, now_ns, 1, 10000, 5000);
	assert_true(completeness_lacks(&completeness, &ledger)); /* before its second is over */
	assert_true(completeness_lacks_lately(&completeness, &ledger, now_ns));
	now_ns = run(&completeness, &ledger, now_ns, 1800, 10000, 0);
	assert_true(ledger.seen / COMPLETENESS_SHARE > ledger_lost(&ledger));
	assert_true(completeness_lacks(&completeness, &ledger));
	/* A daemon does not say so for ever. */
	assert_true(completeness_lacks_lately(&completeness, &ledger, burst_ns + 600 * NS_PER_S));
	assert_false(completeness_lacks_lately(&completeness, &ledger, burst_ns + 602 * NS_PER_S));
}

static void a_failed_scan_is_incomplete(void **state)
{
	const struct completeness completeness = {.unscanned = true};
	const struct ledger ledger = {.seen = 1000};

	(void)state;
	assert_true(completeness_lacks(&completeness, &ledger));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_is_complete),
		cmocka_unit_test(a_part_in_a_thousand_is_too_much),
		cmocka_unit_test(single_losses_are_not),
		cmocka_unit_test(a_burst_is_not_diluted),
		cmocka_unit_test(a_failed_scan_is_incomplete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
