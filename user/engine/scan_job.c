// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scan_job.h"

#include <stdio.h>

#include "track/mini_tracker.h"
#include "track/reconcile.h"

static bool is_of_minis(const struct scan_job *job)
{
	return job->purpose == SCAN_SUMMARY || job->purpose == SCAN_SCRAPE;
}

void scan_job_begin(struct scan_job *job, struct intake *intake, enum scan_purpose purpose,
		    const struct scan_request *request)
{
	struct source *source = intake->source;
	uint64_t began_ns = source->ops->cpu_time(source);

	*job = (struct scan_job){.purpose = purpose, .began_ns = intake_now(intake)};
	scan_job_ask(job, intake, request);
	if (purpose == SCAN_LOSSES)
		reconcile_begin(intake->tracker, &job->result);
	else if (is_of_minis(job))
		mini_scan_begin(intake->tracker, &job->result);
	job->cpu_ns = source->ops->cpu_time(source) - began_ns;
}

void scan_job_ask(struct scan_job *job, struct intake *intake, const struct scan_request *request)
{
	struct source *source = intake->source;

	job->complete = false;
	job->asked_tables |= scan_request_tables(request);
	job->asked_descriptors |= request->descriptors;
	source->ops->scan_begin(source, request, &job->result);
}

static int step(struct scan_job *job, struct intake *intake)
{
	struct source *source = intake->source;
	size_t from = job->result.count;
	int err = source->ops->scan_step(source, intake_now(intake) + SCAN_STEP_NS, &job->result);

	job->steps++;
	if (err < 0)
		return err;
	if (job->wanted)
		scan_result_keep(&job->result, from, job->wanted, job->context);
	if (job->purpose == SCAN_LOSSES)
		reconcile_add(intake->tracker, &job->result, from);
	else if (is_of_minis(job))
		mini_scan_add(intake->tracker, &job->result, from);
	if (err)
		return err;
	job->complete = true;
	err = scan_result_finish(&job->result);
	if (err) {
		scan_result_clear(&job->result);
		return err;
	}
	if (job->purpose == SCAN_LOSSES)
		reconcile_learn(intake->tracker, &job->result);
	else if (is_of_minis(job))
		mini_scan_learn(intake->tracker, &job->result);
	return 0;
}

int scan_job_step(struct scan_job *job, struct intake *intake)
{
	struct source *source = intake->source;
	uint64_t began_ns = source->ops->cpu_time(source);
	int err = step(job, intake);

	job->cpu_ns += source->ops->cpu_time(source) - began_ns;
	job->stepped_ns = intake_now(intake);
	return err;
}

int scan_job_run(struct scan_job *job, struct intake *intake, enum scan_purpose purpose,
		 const struct scan_request *request)
{
	int err;

	scan_job_begin(job, intake, purpose, request);
	do
		err = scan_job_step(job, intake);
	while (err > 0);
	return err;
}

void scan_job_print(const struct scan_job *job)
{
	static const char *const purposes[SCAN_PURPOSES] = {
		[SCAN_LOSSES] = "all sockets", [SCAN_LEAKS] = "leaks",
		[SCAN_FINDINGS] = "findings",  [SCAN_SUMMARY] = "a summary",
		[SCAN_SCRAPE] = "metrics",
	};
	const struct scan_result *result = &job->result;

	fprintf(stderr,
		"scan: %zu sockets, %zu descriptors, %.1f ms, %.1f ms of CPU in %u steps, "
		"%zu namespaces, for %s\n",
		result->sockets, result->descriptors,
		(double)(result->ended_ns - result->started_ns) / (double)NS_PER_MS,
		(double)job->cpu_ns / (double)NS_PER_MS, job->steps, result->seen_count,
		purposes[job->purpose]);
}

void scan_job_clear(struct scan_job *job, struct intake *intake)
{
	if (job->purpose == SCAN_NONE)
		return;
	if (!job->complete && intake->source->ops->scan_end)
		intake->source->ops->scan_end(intake->source);
	if (job->purpose == SCAN_LOSSES || is_of_minis(job))
		mini_scan_give_up(intake->tracker); /* nothing where it has ended */
	scan_result_clear(&job->result);
	job->purpose = SCAN_NONE;
}
