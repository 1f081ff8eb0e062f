// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scan_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/journal.h"
#include "base/units.h"
#include "engine/scan_filter.h"
#include "track/mini_tracker.h"
#include "track/reconcile.h"

/* After a loss the socket table is put right within 5 s: by a scan this long after it was noticed.
 */
#define RECONCILE_AFTER_NS (1 * NS_PER_S)

#define LEAK_SCAN_FAILED_PAUSE (1 * NS_PER_S)

/* A look of the findings shows so many sockets in one turn of the loop: for less than 10 ms. */
#define LOOK_STEP		  65536
#define FINDING_SCAN_FAILED_PAUSE (10 * NS_PER_S)

/* How long a step of a scan waits for records that are not taken in yet. */
#define STEP_WAIT_NS (50 * NS_PER_MS)

/* One scan may fail in passing, say without memory; this many in a row are a fault to report. */
#define SCANS_FAILED_TOLD 5

static uint64_t now(const struct scan_plan *plan)
{
	return intake_now(plan->intake);
}

static uint64_t not_before(const struct scan_plan *plan, enum scan_purpose purpose)
{
	return plan->pace.not_before_ns[purpose];
}

void scan_plan_init(struct scan_plan *plan)
{
	plan->reconcile_at_ns = UINT64_MAX;
	plan->look_at_ns = now(plan) + scan_pace_look(0);
}

static uint64_t cpu_time(const struct scan_plan *plan)
{
	struct source *source = plan->intake->source;

	return source->ops->cpu_time(source);
}

static bool is_alive(void *context, uint32_t tgid)
{
	struct source *source = context;

	return source->ops->process_alive(source, tgid);
}

/*
 * Before a scan: what is known should be as new as what it finds, or records that are older than it
 * look like gaps. Returns 0 where a round is over and one more turn is, 1 where the scan has to
 * wait, or the negative errno of draining.
 */
static int drain_before(struct scan_plan *plan)
{
	int err;

	if (plan->intake->in_round)
		return 1;
	err = intake_drain(plan->intake);
	return err < 0 ? err : 0;
}

/* In the middle of a run: what was known stays, and the scan is tried again. */
static void note_failed_scan(struct scan_plan *plan, int err)
{
	if (++plan->scans_failed == SCANS_FAILED_TOLD)
		journal_say(SD_ERR, "scans of the sockets fail: %s; leaks cannot be judged",
			    strerror(-err));
}

static uint64_t losses_now(const struct scan_plan *plan)
{
	const struct tracker *tracker = plan->intake->tracker;

	return ledger_lost(plan->intake->ledger) + tracker->gaps + tracker->no_memory;
}

/* The result of the job is complete. */
static void note_scan(struct scan_plan *plan, const struct scan_job *job)
{
	const struct scan_result *result = &job->result;

	if (plan->scans_failed >= SCANS_FAILED_TOLD)
		journal_say(SD_NOTICE, "scans of the sockets work again");
	plan->scans_failed = 0;
	if (job->asked_descriptors)
		reconcile_listeners(plan->intake->tracker, result, is_alive, plan->intake->source);
	scan_pace_learn(&plan->pace, result);
	if (plan->verbose)
		scan_job_print(job);
}

void scan_plan_count_losses(struct scan_plan *plan)
{
	struct source *source = plan->intake->source;
	uint64_t before_ns = now(plan);

	source->ops->ledger(source, plan->intake->ledger);
	completeness_note(plan->completeness, plan->intake->ledger, before_ns, now(plan));
}

/* What the scan found is joined with the records that came since. */
static void finish_reconcile(struct scan_plan *plan, const struct scan_result *result)
{
	uint64_t known = losses_now(plan);

	intake_flush(plan->intake); /* what is held back is not lost */
	scan_plan_count_losses(plan);
	plan->joining = true;
	reconcile_end(plan->intake->tracker, result);
	plan->joining = false;
	plan->losses_seen += losses_now(plan) - known; /* these gaps are mended by it */
	if (completeness_scanned(plan->completeness, result->ended_ns) &&
	    plan->reconcile_at_ns == UINT64_MAX)
		plan->reconcile_at_ns = now(plan) + RECONCILE_AFTER_NS;
}

int scan_plan_begin_first(struct scan_plan *plan, struct scan_result *result)
{
	struct scan_job job;
	int err;

	scan_plan_count_losses(plan);
	completeness_scan_begins(plan->completeness, now(plan));
	err = scan_job_run(&job, plan->intake, SCAN_LOSSES, &scan_everything);
	if (err) {
		scan_job_clear(&job, plan->intake);
		return err;
	}
	note_scan(plan, &job);
	*result = job.result;
	return 0;
}

int scan_plan_finish_first(struct scan_plan *plan, const struct scan_result *result)
{
	struct source_bound after = {.until_ns = UINT64_MAX};
	int err = intake_drain_to(plan->intake, &after);

	if (!err)
		finish_reconcile(plan, result);
	/* Leaks that are older than us: this scan has all that is asked about them. */
	if (!err && leak_watch_collect(plan->leaks, now(plan)))
		leak_watch_judge(plan->leaks, result, now(plan));
	return err;
}

void scan_plan_check_losses(struct scan_plan *plan)
{
	const struct ledger *ledger = plan->intake->ledger;
	uint64_t losses;

	scan_plan_count_losses(plan);
	if (ledger_lost(ledger) != plan->lost_seen)
		mini_doubt(plan->intake->tracker);
	plan->lost_seen = ledger_lost(ledger);
	losses = losses_now(plan);
	if (losses == plan->losses_seen)
		return;
	plan->losses_seen = losses;
	if (plan->reconcile_at_ns == UINT64_MAX)
		plan->reconcile_at_ns = now(plan) + RECONCILE_AFTER_NS;
}

/* Gives the answer to the module that it is for. Returns whether it needs further turns. */
static bool give(struct scan_plan *plan, const struct scan_job *job)
{
	size_t missing = 0;
	bool more = false;

	switch (job->purpose) {
	case SCAN_LOSSES:
		finish_reconcile(plan, &job->result);
		break;
	case SCAN_LEAKS: /* one that was closed since is no leak any more */
		more = leak_watch_judge_some(plan->leaks, &job->result, now(plan), &missing);
		if (missing && plan->reconcile_at_ns == UINT64_MAX)
			plan->reconcile_at_ns = not_before(plan, SCAN_LOSSES);
		break;
	case SCAN_FINDINGS:
		finding_watch_finish(plan->findings, &job->result);
		break;
	case SCAN_SUMMARY:
		plan->minis_asked = true;
		mini_scan_end(plan->intake->tracker, &job->result);
		break;
	case SCAN_SCRAPE:
		plan->scrape_scan_owed = false;
		mini_scan_end(plan->intake->tracker, &job->result);
		break;
	default:
		break;
	}
	return more;
}

/* Returns whether it needs further turns. */
static bool answer(struct scan_plan *plan, struct scan_job *job)
{
	uint64_t began_ns = cpu_time(plan);
	bool more = give(plan, job);

	job->cpu_ns += cpu_time(plan) - began_ns;
	if (!more)
		scan_pace_ended(&plan->pace, job, now(plan));
	return more;
}

/* The job's scan has failed, and its result is empty. */
static void give_up(struct scan_plan *plan, const struct scan_job *job, int err)
{
	if (job->purpose != SCAN_FINDINGS)
		note_failed_scan(plan, err);
	scan_pace_ended(&plan->pace, job, now(plan));
	switch (job->purpose) {
	case SCAN_LOSSES:
		plan->reconcile_at_ns = not_before(plan, SCAN_LOSSES);
		break;
	case SCAN_LEAKS:
		leak_watch_postpone(plan->leaks, now(plan), LEAK_SCAN_FAILED_PAUSE);
		break;
	case SCAN_FINDINGS:
		finding_watch_finish(plan->findings, NULL);
		plan->pace.not_before_ns[SCAN_FINDINGS] = job->began_ns + FINDING_SCAN_FAILED_PAUSE;
		break;
	case SCAN_SUMMARY:
		plan->minis_asked = true;
		break;
	case SCAN_SCRAPE:
		plan->scrape_scan_owed = false;
		break;
	default:
		break;
	}
}

/* Leaks that no descriptor holds are in the TCP tables of their network namespaces. Returns whether
 * these have to be read. */
static bool ask_tables(struct scan_plan *plan, struct scan_job *job)
{
	struct scan_request request = {.states = SCAN_LEAK_STATES};

	if (job->asked_tables)
		return false;
	leak_watch_add_missing(plan->leaks, &job->result, &request.tables);
	if (!scan_request_any(&request))
		return false;
	scan_job_ask(job, plan->intake, &request);
	return true;
}

/* One step of the job. Returns 0 when its result is complete, or 1. */
static int step(struct scan_plan *plan)
{
	struct scan_job *job = &plan->job;
	int err = scan_job_step(job, plan->intake);

	if (!err && job->purpose == SCAN_LEAKS && ask_tables(plan, job))
		err = scan_job_step(job, plan->intake);
	if (!err)
		note_scan(plan, job);
	if (err < 0) {
		give_up(plan, job, err);
		scan_plan_clear(plan);
		return 0;
	}
	return err;
}

/* One turn of the job, if there is one. Returns 0 when it is done, 1 if it needs further turns, or
 * the negative errno of draining. */
static int go_on(struct scan_plan *plan)
{
	struct scan_job *job = &plan->job;
	int err;

	if (job->purpose && !job->complete) {
		/* The records that are there come first, but they may have no end. */
		if (plan->intake->in_round && now(plan) < job->stepped_ns + STEP_WAIT_NS)
			return 1;
		if (step(plan))
			return 1;
	}
	if (!job->purpose)
		return 0;
	err = intake_drain_to(plan->intake, &job->after);
	if (err)
		return err;
	if (answer(plan, job))
		return 1;
	scan_plan_clear(plan);
	return 0;
}

/* Begins, and makes the first turn. Returns as go_on(). */
static int begin_job(struct scan_plan *plan, enum scan_purpose purpose,
		     const struct scan_request *request)
{
	scan_job_begin(&plan->job, plan->intake, purpose, request);
	scan_filter_set(&plan->job, plan->leaks);
	return go_on(plan);
}

void scan_plan_clear(struct scan_plan *plan)
{
	scan_job_clear(&plan->job, plan->intake);
}

/* Losses during a scan want another one, before it is known what the first one cost. */
static uint64_t reconcile_due_ns(const struct scan_plan *plan)
{
	return plan->reconcile_at_ns > not_before(plan, SCAN_LOSSES)
		       ? plan->reconcile_at_ns
		       : not_before(plan, SCAN_LOSSES);
}

static int reconcile_if_due(struct scan_plan *plan)
{
	int err;

	if (now(plan) < reconcile_due_ns(plan))
		return 0;
	err = drain_before(plan);
	if (err)
		return err;
	plan->reconcile_at_ns = UINT64_MAX;
	completeness_scan_begins(plan->completeness, now(plan));
	return begin_job(plan, SCAN_LOSSES, &scan_everything);
}

static int judge_leaks_if_due(struct scan_plan *plan)
{
	uint64_t began_ns = now(plan);

	if (plan->intake->in_round || began_ns < not_before(plan, SCAN_LEAKS) ||
	    !leak_watch_collect(plan->leaks, began_ns))
		return 0;
	return begin_job(plan, SCAN_LEAKS, &scan_held);
}

int scan_plan_run(struct scan_plan *plan)
{
	int err;

	scan_plan_check_losses(plan);
	err = go_on(plan);
	if (!err)
		err = reconcile_if_due(plan);
	if (!err)
		err = judge_leaks_if_due(plan);
	return err < 0 ? err : 0;
}

/* The second half of a look, by a scan. */
static void scan_for_findings(struct scan_plan *plan, struct scan_request *request)
{
	uint64_t began_ns = now(plan);

	if (!drain_before(plan)) {
		scan_pace_choose(&plan->pace, request);
		begin_job(plan, SCAN_FINDINGS, request);
		return;
	}
	finding_watch_finish(plan->findings, NULL);
	plan->pace.not_before_ns[SCAN_FINDINGS] = began_ns + FINDING_SCAN_FAILED_PAUSE;
}

/* Some of the sockets are shown to the rules. Returns whether there are more; at the end it has set
 * *request. */
static bool show_some(struct scan_plan *plan, struct scan_request *request)
{
	uint64_t began_cpu_ns = cpu_time(plan);

	if (!plan->looking) {
		plan->look_at_ns = now(plan);
		plan->look_cpu_ns = 0;
		finding_watch_start(plan->findings, plan->look_at_ns);
	}
	plan->looking = finding_watch_show(plan->findings, LOOK_STEP, request);
	plan->look_cpu_ns += cpu_time(plan) - began_cpu_ns;
	return plan->looking;
}

void scan_plan_look(struct scan_plan *plan)
{
	uint64_t began_cpu_ns;
	struct scan_request request;

	if (plan->job.purpose || (!plan->looking && plan->intake->in_round) ||
	    now(plan) < plan->look_at_ns || show_some(plan, &request))
		return;
	if (scan_request_any(&request) && now(plan) >= not_before(plan, SCAN_FINDINGS)) {
		scan_for_findings(plan, &request);
	} else {
		began_cpu_ns = cpu_time(plan);
		finding_watch_finish(plan->findings, NULL);
		plan->look_cpu_ns += cpu_time(plan) - began_cpu_ns;
	}
	plan->look_at_ns += scan_pace_look(plan->look_cpu_ns);
}

int scan_plan_minis(struct scan_plan *plan)
{
	int err = 0;

	if (plan->job.purpose)
		return 1;
	if (!plan->minis_asked && now(plan) >= not_before(plan, SCAN_SUMMARY)) {
		err = drain_before(plan);
		if (!err)
			err = begin_job(plan, SCAN_SUMMARY, &scan_all_minis);
	}
	if (!err)
		plan->minis_asked = false;
	return err;
}

static int scan_for_scrapes(struct scan_plan *plan)
{
	int err = drain_before(plan);

	if (err)
		plan->scrape_scan_owed = true;
	else
		err = begin_job(plan, SCAN_SCRAPE, &scan_all_minis);
	return err < 0 ? err : 0;
}

int scan_plan_before_scrape(struct scan_plan *plan)
{
	bool due = now(plan) >= not_before(plan, SCAN_SCRAPE);
	int err;

	if (due && !plan->pace.scrape_slow && !plan->job.purpose)
		return scan_for_scrapes(plan);
	plan->scrape_scan_owed |= due;
	err = intake_drain(plan->intake);
	return err < 0 ? err : 0;
}

int scan_plan_after_scrapes(struct scan_plan *plan)
{
	return plan->scrape_scan_owed && !plan->job.purpose ? scan_for_scrapes(plan) : 0;
}

/* Also those that were reported as idle are looked at once more, and what exits left is decided. */
static void finish_leaks(struct scan_plan *plan, const struct scan_result *result)
{
	leak_watch_collect_last(plan->leaks, now(plan));
	leak_watch_judge(plan->leaks, result, now(plan));
}

int scan_plan_finish(struct scan_plan *plan)
{
	struct source_bound after = {.until_ns = UINT64_MAX};
	struct scan_job job;
	int err;

	if (plan->job.purpose == SCAN_FINDINGS)
		finding_watch_finish(plan->findings, NULL);
	scan_plan_clear(plan); /* this one has all that it was about */
	scan_plan_count_losses(plan);
	completeness_scan_begins(plan->completeness, now(plan));
	err = scan_job_run(&job, plan->intake, SCAN_LOSSES, &scan_everything);
	if (!err) {
		note_scan(plan, &job);
		err = intake_drain_to(plan->intake, &after);
	}
	if (!err)
		finish_reconcile(plan, &job.result);
	if (err) {
		note_failed_scan(plan, err);
		scan_result_clear(&job.result); /* what it found is not joined with the records */
	}
	finish_leaks(plan, &job.result);
	scan_job_clear(&job, plan->intake);
	return err;
}

uint64_t scan_plan_deadline(const struct scan_plan *plan)
{
	uint64_t deadline = leak_watch_deadline(plan->leaks);

	if (deadline != UINT64_MAX && deadline < not_before(plan, SCAN_LEAKS))
		deadline = not_before(plan, SCAN_LEAKS);
	if (plan->look_at_ns < deadline)
		deadline = plan->look_at_ns;
	return reconcile_due_ns(plan) < deadline ? reconcile_due_ns(plan) : deadline;
}
