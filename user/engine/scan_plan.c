// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scan_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/journal.h"
#include "track/mini_tracker.h"
#include "track/reconcile.h"
#include "base/units.h"

/* After a loss the socket table is put right within 5 s: by a scan this long after it was noticed.
 */
#define RECONCILE_AFTER_NS (1 * NS_PER_S)
/* ... and no more often than this, under losses that go on. */
#define RECONCILE_PAUSE_NS (3 * NS_PER_S)

/* Leak scans may take an eighth of one CPU, but keep a report within a second of its deadline. */
#define LEAK_SCAN_SHARE	       8
#define LEAK_SCAN_PAUSE_MIN    (100 * NS_PER_MS)
#define LEAK_SCAN_PAUSE_MAX    (500 * NS_PER_MS)
#define LEAK_SCAN_STATES       (1u << TCP_CLOSE_WAIT | 1u << TCP_LISTEN)
#define LEAK_SCAN_FAILED_PAUSE (1 * NS_PER_S)

/* One scan may fail in passing, say without memory; so many in a row are a fault to be told. */
#define SCANS_FAILED_TOLD 5

void scan_plan_init(struct scan_plan *plan)
{
	plan->reconcile_at_ns = UINT64_MAX;
}

static uint64_t now(const struct scan_plan *plan)
{
	return plan->source->ops->now(plan->source);
}

static int scan(struct scan_plan *plan, const struct scan_request *request,
		struct scan_result *result)
{
	struct source *source = plan->source;
	int err = source->ops->scan(source, request, result);

	if (err)
		return err;
	if (plan->scans_failed >= SCANS_FAILED_TOLD)
		journal_say(SD_NOTICE, "scans of the sockets work again");
	plan->scans_failed = 0;
	scan_result_finish(result);
	if (plan->verbose)
		fprintf(stderr, "scan: %zu sockets, %zu descriptors, %.1f ms\n", result->sockets,
			result->descriptors,
			(double)(result->ended_ns - result->started_ns) / (double)NS_PER_MS);
	return 0;
}

/* In the middle of a run: what was known stays, and the scan is tried again. */
static void note_failed_scan(struct scan_plan *plan, int err)
{
	if (++plan->scans_failed == SCANS_FAILED_TOLD)
		journal_say(SD_ERR, "scans of the sockets fail: %s; leaks cannot be judged",
			    strerror(-err));
}

static int drain(struct scan_plan *plan)
{
	return plan->drain(plan->context);
}

static int scan_all(struct scan_plan *plan, struct scan_result *result)
{
	const struct scan_request request = {
		.states = SCAN_ALL_STATES,
		.mini_states = SCAN_ALL_STATES,
		.descriptors = true,
		.tables = true,
	};

	return scan(plan, &request, result);
}

static uint64_t losses_now(const struct scan_plan *plan)
{
	return ledger_lost(plan->ledger) + plan->tracker->gaps + plan->tracker->no_memory;
}

/* After a scan: the gaps that it found are mended by it. */
static void losses_settled(struct scan_plan *plan)
{
	plan->losses_seen = losses_now(plan);
}

/* A full scan, joined with the records that came before and during it; found() may be NULL. */
static int reconcile(struct scan_plan *plan, struct scan_result *result,
		     void (*found)(void *context, const struct scan_result *result))
{
	int err = scan_all(plan, result);

	if (err)
		return err;
	reconcile_begin(plan->tracker, result);
	if (found)
		found(plan->context, result);
	err = drain(plan);
	if (!err)
		reconcile_end(plan->tracker, result);
	losses_settled(plan);
	return err;
}

void scan_plan_look(struct scan_plan *plan)
{
	struct source *source = plan->source;
	uint64_t losses;

	source->ops->ledger(source, plan->ledger);
	if (ledger_lost(plan->ledger) != plan->lost_seen)
		mini_doubt(plan->tracker);
	plan->lost_seen = ledger_lost(plan->ledger);
	losses = losses_now(plan);
	if (losses == plan->losses_seen)
		return;
	plan->losses_seen = losses;
	if (plan->reconcile_at_ns == UINT64_MAX) {
		uint64_t at_ns = now(plan) + RECONCILE_AFTER_NS;

		plan->reconcile_at_ns = at_ns > plan->reconcile_not_before_ns
						? at_ns
						: plan->reconcile_not_before_ns;
	}
}

static void reconcile_if_due(struct scan_plan *plan)
{
	struct scan_result result = {0};
	int err;

	scan_plan_look(plan);
	if (now(plan) < plan->reconcile_at_ns)
		return;
	plan->reconcile_at_ns = UINT64_MAX;
	err = drain(plan);
	if (!err)
		err = reconcile(plan, &result, NULL);
	scan_result_clear(&result);
	plan->reconcile_not_before_ns = now(plan) + RECONCILE_PAUSE_NS;
	if (err) {
		note_failed_scan(plan, err);
		plan->reconcile_at_ns = plan->reconcile_not_before_ns;
	}
}

/* The descriptors first; the TCP tables of all namespaces only for sockets that no descriptor
 * holds. */
static int scan_for_leaks(struct scan_plan *plan, struct scan_result *result)
{
	struct scan_request request = {.states = LEAK_SCAN_STATES, .descriptors = true};
	int err = scan(plan, &request, result);

	if (err || leak_watch_all_found(plan->leaks, result))
		return err;
	request.tables = true;
	scan_result_clear(result);
	return scan(plan, &request, result);
}

static void pause_leak_scans(struct scan_plan *plan, uint64_t began_ns)
{
	uint64_t ended_ns = now(plan);
	uint64_t pause_ns = (ended_ns - began_ns) * LEAK_SCAN_SHARE;

	if (pause_ns < LEAK_SCAN_PAUSE_MIN)
		pause_ns = LEAK_SCAN_PAUSE_MIN;
	if (pause_ns > LEAK_SCAN_PAUSE_MAX)
		pause_ns = LEAK_SCAN_PAUSE_MAX;
	plan->leak_scan_not_before_ns = ended_ns + pause_ns;
}

static int judge_leaks_if_due(struct scan_plan *plan)
{
	struct scan_result result = {0};
	uint64_t began_ns = now(plan);
	int err;

	if (began_ns < plan->leak_scan_not_before_ns || !leak_watch_collect(plan->leaks, began_ns))
		return 0;
	err = scan_for_leaks(plan, &result);
	if (err) {
		note_failed_scan(plan, err);
		leak_watch_postpone(plan->leaks, now(plan), LEAK_SCAN_FAILED_PAUSE);
		err = 0;
		goto out;
	}
	/* Closed during the scan: not a leak any more. */
	err = drain(plan);
	if (leak_watch_judge(plan->leaks, &result, now(plan)) &&
	    plan->reconcile_at_ns == UINT64_MAX)
		plan->reconcile_at_ns = plan->reconcile_not_before_ns;
out:
	scan_result_clear(&result);
	pause_leak_scans(plan, began_ns);
	return err;
}

int scan_plan_start(struct scan_plan *plan,
		    void (*found)(void *context, const struct scan_result *result))
{
	struct scan_result result = {0};
	int err = reconcile(plan, &result, found);

	/* Leaks that are older than us: this scan has all that is asked about them. */
	if (!err && leak_watch_collect(plan->leaks, now(plan)))
		leak_watch_judge(plan->leaks, &result, now(plan));
	scan_result_clear(&result);
	return err;
}

int scan_plan_run(struct scan_plan *plan)
{
	reconcile_if_due(plan);
	return judge_leaks_if_due(plan);
}

int scan_plan_ask(struct scan_plan *plan, const struct scan_request *request,
		  struct scan_result *result)
{
	int err = drain(plan);

	if (!err)
		err = scan(plan, request, result);
	return err ? err : drain(plan);
}

int scan_plan_minis(struct scan_plan *plan)
{
	const struct scan_request request = {.mini_states = SCAN_ALL_STATES, .tables = true};
	struct scan_result result = {0};
	int err = drain(plan);

	if (!err)
		err = scan(plan, &request, &result);
	if (err) {
		note_failed_scan(plan, err);
		return 0;
	}
	mini_scan_begin(plan->tracker, &result);
	err = drain(plan);
	mini_scan_end(plan->tracker, &result);
	scan_result_clear(&result);
	return err;
}

int scan_plan_finish(struct scan_plan *plan)
{
	struct scan_result result = {0};
	int err = drain(plan);

	if (!err)
		err = reconcile(plan, &result, NULL);
	if (err)
		note_failed_scan(plan, err);
	else if (leak_watch_collect_last(plan->leaks, now(plan)))
		leak_watch_judge(plan->leaks, &result, now(plan));
	scan_result_clear(&result);
	return err;
}

uint64_t scan_plan_deadline(const struct scan_plan *plan)
{
	uint64_t deadline = leak_watch_deadline(plan->leaks);

	if (deadline != UINT64_MAX && deadline < plan->leak_scan_not_before_ns)
		deadline = plan->leak_scan_not_before_ns;
	return plan->reconcile_at_ns < deadline ? plan->reconcile_at_ns : deadline;
}
