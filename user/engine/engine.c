// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "engine/hooks.h"
#include "engine/internal.h"
#include "engine/start_record.h"
#include "leak/pending.h"
#include "track/mini_tracker.h"

/* What a record holds back, say until it is known what came with it, is settled by then. */
#define REST_AFTER_NS (300 * NS_PER_MS)

/* The modules that need all others. */
static void connect_modules(struct engine *engine)
{
	const struct engine_config *config = &engine->config;

	engine->intake = (struct intake){
		.source = config->source,
		.tracker = &engine->tracker,
		.stacks = config->options->stack ? &engine->stacks : NULL,
		.metrics = engine->metrics,
		.ledger = &engine->ledger,
		.watch_child = config->watch_child,
		.context = config->context,
		.show_stacks = config->options->verbose > 0,
	};
	intake_init(&engine->intake);
	engine->completeness = (struct completeness){
		.threshold_ns = config->options->close_wait_ns,
		.follows = config->options->follow_forks,
	};
	engine->scans = (struct scan_plan){
		.intake = &engine->intake,
		.leaks = engine->leaks,
		.findings = engine->findings,
		.completeness = &engine->completeness,
		.verbose = config->options->verbose > 0,
	};
	scan_plan_init(&engine->scans);
}

static int make_watches(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	const struct options *options = config->options;
	struct leak_hooks leak_hooks = engine_leak_hooks(engine);
	struct finding_hooks finding_hooks = engine_finding_hooks(engine);

	engine->leaks = leak_watch_new(&engine->tracker, options->close_wait_ns, &leak_hooks);
	if (!engine->leaks)
		return -ENOMEM;
	if (options->command)
		leak_watch_report_exits(engine->leaks);
	if (options->strict)
		leak_watch_be_strict(engine->leaks);
	engine->findings = finding_watch_new(&engine->tracker, engine->leaks, config->source,
					     engine_now(engine), &finding_hooks);
	return engine->findings ? 0 : -ENOMEM;
}

/* What only some options want. */
static int make_extras(struct engine *engine)
{
	const struct options *options = engine->config.options;

	if (options->stack &&
	    stack_tracker_init(&engine->stacks, &engine->tracker, engine->config.sites))
		return -ENOMEM;
	if (options_serve(options)) {
		engine->metrics = metric_groups_new(&options->labels, options->max_groups);
		if (!engine->metrics)
			return -ENOMEM;
		process_table_set_metrics(engine->tracker.processes, engine->metrics);
	}
	if (options->gen_suppressions) {
		engine->made = suppression_gen_new();
		if (!engine->made)
			return -ENOMEM;
	}
	return 0;
}

struct engine *engine_new(const struct engine_config *config)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	struct tracker_hooks hooks = engine_tracker_hooks(engine);

	if (!engine)
		return NULL;
	engine->config = *config;
	engine->summary_at_ns = UINT64_MAX;
	engine->watched = filter_new(config->options);
	if (!engine->watched ||
	    tracker_init(&engine->tracker, engine->watched, config->self_tgid, &hooks))
		goto fail;
	engine->tracker.features = config->source->features;
	if (make_watches(engine) || make_extras(engine))
		goto fail;
	connect_modules(engine);
	return engine;
fail:
	engine_free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	scan_plan_clear(&engine->scans);
	finding_watch_free(engine->findings);
	leak_watch_free(engine->leaks);
	stack_tracker_free(&engine->stacks);
	tracker_free(&engine->tracker);
	metric_groups_free(engine->metrics);
	suppression_gen_free(engine->made);
	filter_free(engine->watched);
	free(engine);
}

/* Prints by `print` what is known now. */
static int show(struct engine *engine,
		void (*print)(struct output *output, const struct view *view))
{
	uint64_t now_ns = engine_now(engine);
	struct view view;
	int err;

	scan_plan_check_losses(&engine->scans);
	retransmit_table_settle(engine->tracker.retransmits, now_ns);
	err = view_build(&view, &engine->tracker,
			 leak_reports_groups(leak_watch_reports(engine->leaks), now_ns),
			 &engine->ledger, now_ns, engine->started_ns);
	if (err)
		return err;
	view.final = engine->finishing;
	view.incomplete = completeness_lacks(&engine->completeness);
	view.unscanned = engine->completeness.unscanned;
	view.suppressions = engine->config.suppressions;
	view.made = engine->made;
	if (view.final)
		err = finding_list_build(&view.findings, engine->findings);
	if (!err)
		print(engine->config.output, &view);
	view_clear(&view);
	return err;
}

static int summarize_if_due(struct engine *engine)
{
	uint64_t now_ns = engine_now(engine), interval_ns;
	int err;

	if (now_ns < engine->summary_at_ns)
		return 0;
	err = scan_plan_minis(&engine->scans);
	if (err) /* or with a later turn */
		return err < 0 ? err : 0;
	interval_ns = engine->config.options->interval_ns;
	engine->summary_at_ns += ((now_ns - engine->summary_at_ns) / interval_ns + 1) * interval_ns;
	return show(engine, engine->config.output->ops->summary);
}

static bool process_alive(void *context, uint32_t tgid)
{
	struct source *source = context;

	return source->ops->process_alive(source, tgid);
}

int engine_start(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	struct scan_result result = {0};
	int err;

	engine->started_ns = engine_now(engine);
	config->source->ops->clock(config->source, &config->output->clock);
	if (config->options->interval_ns)
		engine->summary_at_ns = engine->started_ns + config->options->interval_ns;
	err = scan_plan_begin_first(&engine->scans, &result);
	if (!err) {
		start_record_print(engine, &result); /* before what came during the scan */
		err = scan_plan_finish_first(&engine->scans, &result);
	}
	scan_result_clear(&result);
	return err ? err : output_flush(config->output);
}

static void note_taken(struct engine *engine)
{
	if (engine->ledger.delivered == engine->taken)
		return;
	engine->taken = engine->ledger.delivered;
	engine->taken_ns = engine_now(engine);
}

int engine_poll(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	int err = intake_drain(&engine->intake);

	note_taken(engine);
	config->source->ops->clock(config->source, &config->output->clock);
	leak_reports_settle(leak_watch_reports(engine->leaks), engine_now(engine), false);
	if (err >= 0)
		err = scan_plan_run(&engine->scans);
	if (!err)
		err = scan_plan_after_scrapes(&engine->scans);
	if (!err)
		err = summarize_if_due(engine);
	if (!engine_behind(engine)) /* else the records of their ends may still come */
		mini_expire(&engine->tracker, engine_now(engine));
	scan_plan_look(&engine->scans);
	if (config->output->ops->losses)
		config->output->ops->losses(config->output, &engine->ledger, engine_now(engine));
	if (!engine->scans.job.purpose && !engine->scans.looking)
		tracker_fold(&engine->tracker, process_alive, config->source);
	return err ? err : output_flush(config->output);
}

bool engine_behind(const struct engine *engine)
{
	return engine->intake.in_round;
}

uint64_t engine_deadline(const struct engine *engine)
{
	uint64_t deadline = scan_plan_deadline(&engine->scans);

	if (engine_behind(engine) || engine->scans.job.purpose || engine->scans.looking)
		return 0;
	return engine->summary_at_ns < deadline ? engine->summary_at_ns : deadline;
}

bool engine_rest(struct engine *engine, uint64_t now_ns)
{
	struct source *source = engine->config.source;

	return source->ops->rest && now_ns >= engine->taken_ns + REST_AFTER_NS &&
	       !leak_names_outstanding(&leak_watch_reports(engine->leaks)->names, now_ns) &&
	       source->ops->rest(source);
}

bool engine_left_open(const struct engine *engine)
{
	return leak_watch_left_open(engine->leaks);
}

uint64_t engine_leaks(const struct engine *engine)
{
	return engine->leaks_told;
}

bool engine_incomplete(const struct engine *engine)
{
	return completeness_lacks(&engine->completeness);
}

void engine_process_exited(struct engine *engine, uint32_t tgid)
{
	filter_exited(engine->watched, tgid);
}

/* A leak is not reported without the names of its stack only because the run ends now: waits for
 * them, at most LEAK_NAMES_WAIT. */
static void await_names(struct engine *engine)
{
	struct call_sites *sites = engine->config.sites;
	uint64_t now_ns = engine_now(engine), until_ns = now_ns + LEAK_NAMES_WAIT;

	while (sites && now_ns < until_ns &&
	       leak_names_outstanding(&leak_watch_reports(engine->leaks)->names, now_ns)) {
		struct pollfd fd = {.fd = sites->ops->fd(sites), .events = POLLIN};

		if (fd.fd >= 0)
			poll(&fd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1);
		sites->ops->run(sites);
		if (fd.fd < 0 && engine_now(engine) == now_ns)
			break;
		now_ns = engine_now(engine);
	}
}

static void say_stacks(const struct engine *engine)
{
	const struct options *options = engine->config.options;
	const struct stack_table *table = engine->stacks.table;

	if (options->stack && (options->verbose || stack_tracker_refused(&engine->stacks)))
		fprintf(stderr,
			"tcpwatch: %ju stacks taken, %zu different ones kept, %ju not kept\n",
			(uintmax_t)engine->stacks.taken, stack_table_count(table),
			(uintmax_t)stack_tracker_refused(&engine->stacks));
}

int engine_finish(struct engine *engine)
{
	int err;

	engine->finishing = true;
	engine->config.source->ops->stop(engine->config.source);
	engine->completeness.discarded = intake_finish(&engine->intake) > 0;
	leak_watch_ask_last(engine->leaks, engine_now(engine));
	await_names(engine);
	err = scan_plan_finish(&engine->scans); /* who holds what is still open */
	engine->completeness.unscanned =
		err && (leak_watch_collect_last(engine->leaks, engine_now(engine)) ||
			engine->completeness.gap.from_ns);
	intake_flush(&engine->intake);
	await_names(engine);
	leak_reports_settle(leak_watch_reports(engine->leaks), engine_now(engine), true);
	tracker_settle_all(&engine->tracker);
	err = show(engine, engine->config.output->ops->summary);
	if (!err)
		err = show(engine, engine->config.output->ops->end);
	say_stacks(engine);
	return err ? err : output_flush(engine->config.output);
}
