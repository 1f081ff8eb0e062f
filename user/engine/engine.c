// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/internal.h"
#include "model/event_check.h"
#include "leak/pending.h"
#include "track/mini_tracker.h"
#include "track/passive_open.h"
#include "track/retransmit.h"
#include "track/transition.h"
#include "base/units.h"
#include "base/version.h"

uint64_t engine_now(const struct engine *engine)
{
	return engine->config.source->ops->now(engine->config.source);
}

static void on_transition(void *context, const struct event_transition *e, enum cause known)
{
	struct engine *engine = context;

	transition_event(&engine->tracker, e, known);
}

static void on_segment(struct engine *engine, const struct event_segment *e)
{
	if (e->what == SEGMENT_RESET_SENT)
		coalesce_reset_sent(&engine->coalesce, e->cookie);
	retransmit_event(&engine->tracker, e);
}

static void show_stack(const struct event_stack *e)
{
	fprintf(stderr, "tcpwatch: stack of socket %jx by %u, how %u:", (uintmax_t)e->cookie,
		e->task.tgid, e->how);
	for (unsigned int i = 0; i < e->count; i++)
		fprintf(stderr, " %jx", (uintmax_t)e->frames[i]);
	fputc('\n', stderr);
}

static void on_exec(struct engine *engine, const struct event_exec *e)
{
	struct source *source = engine->config.source;
	char comm[EVENT_COMM_LEN + 1] = "";

	memcpy(comm, e->task.comm, EVENT_COMM_LEN);
	if (source->ops->executed &&
	    filter_has_process(engine->watched, e->task.tgid, e->task.start_ns, comm))
		source->ops->executed(source, e);
}

static void on_record(void *context, const void *record, size_t size)
{
	struct engine *engine = context;
	const struct event_header *header = record;
	uint32_t child;

	if (event_check(record, size)) {
		engine->ledger.lost[LOST_MALFORMED]++;
		return;
	}
	engine->ledger.delivered++;
	switch (header->kind) {
	case EVENT_TRANSITION:
		coalesce_event(&engine->coalesce, record);
		break;
	case EVENT_FORK:
		child = tracker_fork(&engine->tracker, record);
		if (child)
			engine->config.watch_child(engine->config.context, child);
		if (engine->config.options->stack)
			stack_forked(&engine->stacks, record);
		break;
	case EVENT_ACCEPT:
		passive_accept(&engine->tracker, record);
		break;
	case EVENT_MINI:
		mini_event(&engine->tracker, record);
		break;
	case EVENT_REQUEST:
		passive_request(&engine->tracker, record);
		break;
	case EVENT_SEGMENT:
		on_segment(engine, record);
		break;
	case EVENT_STACK:
		if (engine->config.options->verbose)
			show_stack(record);
		if (engine->config.options->stack)
			stack_event(&engine->stacks, record);
		break;
	case EVENT_EXEC:
		on_exec(engine, record);
		break;
	default:
		break;
	}
}

static int drain(void *context)
{
	struct engine *engine = context;
	struct source *source = engine->config.source;
	int err;

	if (engine->metrics)
		metric_groups_set_time(engine->metrics, engine_now(engine));
	err = source->ops->drain(source, on_record, engine);

	coalesce_flush(&engine->coalesce, engine_now(engine));
	return err;
}

struct engine *engine_new(const struct engine_config *config)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	struct tracker_hooks hooks = engine_tracker_hooks(engine);
	struct leak_hooks leak_hooks;
	struct finding_hooks finding_hooks = engine_finding_hooks(engine);

	if (!engine)
		return NULL;
	engine->config = *config;
	leak_hooks = engine_leak_hooks(engine);
	engine->coalesce.sink = on_transition;
	engine->coalesce.context = engine;
	engine->summary_at_ns = UINT64_MAX;
	engine->watched = filter_new(config->options);
	if (!engine->watched ||
	    tracker_init(&engine->tracker, engine->watched, config->self_tgid, &hooks))
		goto fail;
	engine->tracker.features = config->source->features;
	engine->leaks =
		leak_watch_new(&engine->tracker, config->options->close_wait_ns, &leak_hooks);
	if (!engine->leaks)
		goto fail;
	if (config->options->command)
		leak_watch_report_exits(engine->leaks);
	engine->findings = finding_watch_new(&engine->tracker, engine->leaks, &finding_hooks);
	if (!engine->findings)
		goto fail;
	if (config->options->stack &&
	    stack_tracker_init(&engine->stacks, &engine->tracker, config->sites))
		goto fail;
	if (options_serve(config->options)) {
		engine->metrics =
			metric_groups_new(&config->options->labels, config->options->max_groups);
		if (!engine->metrics)
			goto fail;
		process_table_set_metrics(engine->tracker.processes, engine->metrics);
	}
	if (config->options->gen_suppressions) {
		engine->made = suppression_gen_new();
		if (!engine->made)
			goto fail;
	}
	engine->scans = (struct scan_plan){
		.source = config->source,
		.tracker = &engine->tracker,
		.leaks = engine->leaks,
		.ledger = &engine->ledger,
		.drain = drain,
		.context = engine,
		.verbose = config->options->verbose,
	};
	scan_plan_init(&engine->scans);
	engine->scrapes.plan = &engine->scans;
	return engine;
fail:
	engine_free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
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

	scan_plan_look(&engine->scans);
	retransmit_table_settle(engine->tracker.retransmits, now_ns);
	err = view_build(&view, &engine->tracker,
			 leak_reports_groups(leak_watch_reports(engine->leaks), now_ns),
			 &engine->ledger, now_ns, engine->started_ns);
	if (err)
		return err;
	view.final = engine->finishing;
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
	interval_ns = engine->config.options->interval_ns;
	engine->summary_at_ns += ((now_ns - engine->summary_at_ns) / interval_ns + 1) * interval_ns;
	err = scan_plan_minis(&engine->scans);
	return err ? err : show(engine, engine->config.output->ops->summary);
}

static bool process_alive(void *context, uint32_t tgid)
{
	struct source *source = context;

	return source->ops->process_alive(source, tgid);
}

/* Does a watched process hold it, or own it without a descriptor (unaccepted)? */
static bool is_watched(struct engine *engine, const struct tcp_socket *socket,
		       const struct event_scan *records, size_t count)
{
	if (!filter_is_selective(engine->watched))
		return true;
	for (size_t i = 0; i < count && records[i].header.kind == EVENT_SCAN_FD; i++) {
		const struct process *holder =
			process_table_get(engine->tracker.processes, &records[i].task);

		if (holder && holder->watched)
			return true;
	}
	return socket->owner && socket->owner->watched;
}

/* What is in the start line. */
static void count_found(struct engine *engine, const struct scan_result *result,
			struct output_start *start)
{
	size_t count;

	for (size_t i = 0; i < result->count; i += count) {
		const struct event_scan *record = &result->records[i];
		const struct tcp_socket *socket =
			socket_table_find(engine->tracker.sockets, record->cookie);

		count = scan_result_group(result, record);
		if (!socket || socket->hidden || !is_watched(engine, socket, record, count))
			continue;
		start->sockets_found++;
		start->close_wait_found += record->state == TCP_CLOSE_WAIT;
	}
}

/* Told before anything that came during the scan. */
static void on_scanned(void *context, const struct scan_result *result)
{
	struct engine *engine = context;
	const struct engine_config *config = &engine->config;
	struct output_start start = {
		.version = TCPWATCH_VERSION,
		.kernel = config->kernel,
		.features = config->source->features,
		.options = config->options,
		.targets = config->targets,
	};

	count_found(engine, result, &start);
	config->output->ops->start(config->output, &start, engine->started_ns);
}

int engine_start(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	int err;

	engine->started_ns = engine_now(engine);
	config->source->ops->clock(config->source, &config->output->clock);
	if (config->options->interval_ns)
		engine->summary_at_ns = engine->started_ns + config->options->interval_ns;
	err = scan_plan_start(&engine->scans, on_scanned);
	return err ? err : output_flush(config->output);
}

int engine_poll(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	int err = drain(engine);

	config->source->ops->clock(config->source, &config->output->clock);
	leak_reports_settle(leak_watch_reports(engine->leaks), engine_now(engine), false);
	if (!err)
		err = scan_plan_run(&engine->scans);
	if (!err)
		err = scrape_scan_after(&engine->scrapes);
	if (!err)
		err = summarize_if_due(engine);
	mini_expire(&engine->tracker, engine_now(engine));
	finding_watch_run(engine->findings);
	if (config->output->ops->losses)
		config->output->ops->losses(config->output, &engine->ledger, engine_now(engine));
	process_table_fold(engine->tracker.processes, process_alive, config->source);
	return err ? err : output_flush(config->output);
}

uint64_t engine_deadline(const struct engine *engine)
{
	uint64_t deadline = scan_plan_deadline(&engine->scans);

	if (finding_watch_deadline(engine->findings) < deadline)
		deadline = finding_watch_deadline(engine->findings);
	return engine->summary_at_ns < deadline ? engine->summary_at_ns : deadline;
}

uint64_t engine_leaks(const struct engine *engine)
{
	return engine->leaks_told;
}

void engine_process_exited(struct engine *engine, uint32_t tgid)
{
	filter_exited(engine->watched, tgid);
}

/* Leaks are not reported without their names for the mere reason that it ends now. */
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

	if (options->stack && (options->verbose || stack_table_refused(table)))
		fprintf(stderr,
			"tcpwatch: %ju stacks taken, %zu different ones kept, %ju not kept\n",
			(uintmax_t)engine->stacks.taken, stack_table_count(table),
			(uintmax_t)stack_table_refused(table));
}

int engine_finish(struct engine *engine)
{
	int err;

	engine->finishing = true;
	engine->config.source->ops->stop(engine->config.source);
	drain(engine);
	leak_watch_ask_last(engine->leaks, engine_now(engine));
	await_names(engine);
	scan_plan_finish(&engine->scans); /* who holds what is still open */
	coalesce_flush(&engine->coalesce, UINT64_MAX);
	await_names(engine);
	leak_reports_settle(leak_watch_reports(engine->leaks), engine_now(engine), true);
	tracker_settle_all(&engine->tracker);
	err = show(engine, engine->config.output->ops->summary);
	if (!err)
		err = show(engine, engine->config.output->ops->end);
	say_stacks(engine);
	return err ? err : output_flush(engine->config.output);
}
