// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/completeness.h"

#define MS(n)	  (START_NS + (n)*NS_PER_MS)
#define THRESHOLD 200 /* ms */

/* What loses records. */
enum { RING, INTERRUPT, ASIDE };

struct host {
	struct completeness completeness;
	struct ledger ledger;
};

static struct host start(bool follows)
{
	struct host host = {
		.completeness = {.threshold_ns = THRESHOLD * NS_PER_MS, .follows = follows}};

	completeness_note(&host.completeness, &host.ledger, MS(0), MS(0));
	return host;
}

static void look(struct host *host, uint64_t ms)
{
	completeness_note(&host->completeness, &host->ledger, MS(ms), MS(ms));
}

static void lose(struct host *host, int reason, uint64_t count)
{
	host->ledger.lost[reason == RING ? LOST_RING_FULL : LOST_RECURSION] += count;
	if (reason == INTERRUPT)
		host->ledger.interrupts += count;
	if (reason == ASIDE)
		host->ledger.aside += count;
}

static bool scan(struct host *host, uint64_t from_ms, uint64_t to_ms)
{
	look(host, from_ms);
	completeness_scan_begins(&host->completeness, MS(from_ms));
	look(host, to_ms);
	return completeness_scanned(&host->completeness, MS(to_ms));
}

static bool lacks(const struct host *host)
{
	return completeness_lacks(&host->completeness);
}

/* So many are lost between the looks at 100 and at this time. The scan comes much later. */
static bool lacks_after(bool follows, int reason, uint64_t count, uint64_t lost_ms)
{
	struct host host = start(follows);

	look(&host, 100);
	lose(&host, reason, count);
	look(&host, lost_ms);
	assert_false(scan(&host, lost_ms + 5000, lost_ms + 5050));
	return lacks(&host);
}

static void nothing_lost_is_complete(void **state)
{
	struct host host = start(true);

	(void)state;
	look(&host, 5000);
	assert_false(lacks(&host));
	assert_false(scan(&host, 100000, 200000));
	assert_false(lacks(&host));
}

/* What is lost before the first look is none of the run's. */
static void the_first_look_is_the_beginning(void **state)
{
	struct host host = {.completeness = {.threshold_ns = 1, .follows = true}};

	(void)state;
	lose(&host, RING, 5000);
	look(&host, 0);
	assert_false(lacks(&host));
}

static void a_leak_does_not_fit_between_two_looks(void **state)
{
	(void)state;
	for (int reason = RING; reason <= INTERRUPT; reason++) {
		assert_false(lacks_after(false, reason, 100000, 100 + THRESHOLD - 1));
		assert_true(lacks_after(false, reason, 100000, 100 + THRESHOLD));
		assert_true(lacks_after(false, reason, COMPLETENESS_TRACELESS, 100 + THRESHOLD));
		assert_false(lacks_after(false, reason, COMPLETENESS_TRACELESS - 1, 5000));
	}
}

/* Four records by one interrupt, and a scan that comes long after them: a test program with -w
 * 200ms. */
static void one_interrupt_hides_no_leak(void **state)
{
	(void)state;
	assert_false(lacks_after(true, INTERRUPT, 4, 200));
}

/* The beginning may be lost in one of them, and the end in the other. */
static void two_losses_before_a_scan_count_together(void **state)
{
	(void)state;
	for (uint64_t last_ms = 100 + THRESHOLD - 1; last_ms <= 100 + THRESHOLD; last_ms++) {
		struct host host = start(false);

		look(&host, 100);
		lose(&host, INTERRUPT, 2);
		look(&host, 110);
		look(&host, last_ms - 1);
		assert_false(lacks(&host));
		lose(&host, INTERRUPT, 1);
		look(&host, last_ms);
		assert_int_equal(lacks(&host), last_ms == 100 + THRESHOLD);
	}
}

/* What had begun before the scan was found by it. */
static void two_losses_with_a_scan_between_do_not(void **state)
{
	struct host host = start(false);

	(void)state;
	look(&host, 100);
	lose(&host, RING, 1000);
	look(&host, 110);
	assert_false(scan(&host, 130, 140));
	look(&host, 400);
	lose(&host, RING, 1000);
	look(&host, 410);
	assert_false(scan(&host, 430, 440));
	assert_false(lacks(&host));
}

/* The start of a process may be lost, and its exit with all that it left. */
static void of_processes_everything_matters(void **state)
{
	(void)state;
	assert_true(lacks_after(true, RING, 1, 110));
	assert_false(lacks_after(true, INTERRUPT, 1000, 110));
}

static void what_no_leak_depends_on_is_not_missed(void **state)
{
	(void)state;
	assert_false(lacks_after(true, ASIDE, 1000000, 5000));
}

/* A socket that the scan had seen before may have gone to CLOSE_WAIT. */
static void a_loss_during_a_scan_needs_another_one(void **state)
{
	struct host host = start(false);

	(void)state;
	look(&host, 100);
	lose(&host, RING, 10);
	look(&host, 110);
	look(&host, 130);
	completeness_scan_begins(&host.completeness, MS(130));
	lose(&host, RING, 10);
	look(&host, 150);
	assert_true(completeness_scanned(&host.completeness, MS(150)));
	look(&host, 130 + THRESHOLD - 2);
	lose(&host, RING, 10);
	look(&host, 130 + THRESHOLD - 1);
	assert_false(lacks(&host)); /* the gap from 100 on is over */
	lose(&host, RING, 10);
	look(&host, 130 + THRESHOLD);
	assert_true(lacks(&host));
}

/* Two records of the gap before and one of the scan may be of one connection. */
static void a_loss_during_a_scan_counts_twice(void **state)
{
	struct host host = start(false);

	(void)state;
	look(&host, 100);
	lose(&host, INTERRUPT, 2);
	look(&host, 280);
	look(&host, 300);
	completeness_scan_begins(&host.completeness, MS(300));
	lose(&host, INTERRUPT, 1);
	look(&host, 320);
	assert_true(completeness_scanned(&host.completeness, MS(320)));
	assert_true(lacks(&host));
}

/* Just after a record was lost, a scan still sees the state before it. */
static void a_scan_right_after_a_loss_settles_nothing(void **state)
{
	struct host host = start(false);

	(void)state;
	look(&host, 100);
	lose(&host, RING, 1);
	look(&host, 110);
	assert_true(scan(&host, 119, 130));
	assert_false(scan(&host, 140, 150));
}

/* A scan finds a socket in CLOSE_WAIT, and it is gone before it is judged. */
static void a_socket_without_a_beginning_is_in_doubt(void **state)
{
	struct host host = start(true);
	struct completeness *c = &host.completeness;

	(void)state;
	completeness_doubt(c, 0, MS(50), MS(5000), 0); /* without a loss it is another fault */
	look(&host, 100);
	lose(&host, INTERRUPT, 1);
	look(&host, 150);
	completeness_doubt(c, 0, MS(50), MS(5000), 0); /* it was there before the loss */
	assert_false(scan(&host, 170, 180));
	look(&host, 1000);
	/* It was found at 175, and may have been there since 95, but for the gap: since 100. */
	completeness_doubt(c, 0, MS(175), MS(100 + THRESHOLD - 1), THRESHOLD * NS_PER_MS);
	assert_false(lacks(&host));
	completeness_doubt(c, 120 * NS_PER_MS + START_NS, MS(175), MS(100 + THRESHOLD),
			   THRESHOLD * NS_PER_MS);
	assert_false(lacks(&host));
	completeness_doubt(c, 0, MS(175), MS(100 + THRESHOLD), THRESHOLD * NS_PER_MS);
	assert_true(lacks(&host));
}

/* The close() in CLOSE_WAIT comes while the gap is open. */
static void a_close_without_a_beginning_is_in_doubt(void **state)
{
	struct host host = start(true);
	struct completeness *c = &host.completeness;

	(void)state;
	look(&host, 100);
	lose(&host, INTERRUPT, 1);
	look(&host, 150);
	completeness_doubt(c, 0, MS(199), MS(199), 100 * NS_PER_MS);
	assert_false(lacks(&host));
	completeness_doubt(c, 0, MS(200), MS(200), 100 * NS_PER_MS);
	assert_true(lacks(&host));
}

/* -w 0 reports each socket, also one that is closed at once. */
static void without_a_threshold_every_loss_matters(void **state)
{
	struct host host = {0};

	(void)state;
	look(&host, 0);
	look(&host, 100);
	lose(&host, INTERRUPT, 1);
	look(&host, 110);
	assert_true(lacks(&host));
	assert_false(scan(&host, 130, 130));
	assert_true(lacks(&host));
}

/* A daemon does not say so for ever. */
static void a_doubt_is_over_after_a_while(void **state)
{
	struct host host = start(false);
	const uint64_t lately_ns = COMPLETENESS_LATELY_MIN * 60 * NS_PER_S;

	(void)state;
	look(&host, 100);
	lose(&host, RING, 10);
	look(&host, 1000);
	assert_false(scan(&host, 1090, 1100));
	assert_true(completeness_lacks_lately(&host.completeness, MS(1100) + lately_ns - 1));
	assert_false(completeness_lacks_lately(&host.completeness, MS(1100) + lately_ns));
	assert_true(lacks(&host));
}

static void a_failed_scan_is_incomplete(void **state)
{
	const struct completeness completeness = {.unscanned = true, .threshold_ns = 1};

	(void)state;
	assert_true(completeness_lacks(&completeness));
}

/* They may be older than the last look at the counters. */
static void discarded_records_are_missing(void **state)
{
	const struct completeness completeness = {.discarded = true, .threshold_ns = 1};

	(void)state;
	assert_true(completeness_lacks(&completeness));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_is_complete),
		cmocka_unit_test(the_first_look_is_the_beginning),
		cmocka_unit_test(a_leak_does_not_fit_between_two_looks),
		cmocka_unit_test(one_interrupt_hides_no_leak),
		cmocka_unit_test(two_losses_before_a_scan_count_together),
		cmocka_unit_test(two_losses_with_a_scan_between_do_not),
		cmocka_unit_test(of_processes_everything_matters),
		cmocka_unit_test(what_no_leak_depends_on_is_not_missed),
		cmocka_unit_test(a_loss_during_a_scan_needs_another_one),
		cmocka_unit_test(a_loss_during_a_scan_counts_twice),
		cmocka_unit_test(a_scan_right_after_a_loss_settles_nothing),
		cmocka_unit_test(a_socket_without_a_beginning_is_in_doubt),
		cmocka_unit_test(a_close_without_a_beginning_is_in_doubt),
		cmocka_unit_test(without_a_threshold_every_loss_matters),
		cmocka_unit_test(a_doubt_is_over_after_a_while),
		cmocka_unit_test(a_failed_scan_is_incomplete),
		cmocka_unit_test(discarded_records_are_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
