// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coalesce.h"
#include "event_check.h"
#include "leak_watch.h"
#include "reconcile.h"
#include "tracker.h"
#include "units.h"
#include "version.h"

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

struct engine {
	struct engine_config config;
	struct watch_set *watched;
	struct tracker tracker;
	struct coalesce coalesce;
	struct leak_watch *leaks;
	struct ledger ledger;
	uint64_t started_ns;
	uint64_t losses_seen;	  /* losses already taken care of */
	uint64_t reconcile_at_ns; /* UINT64_MAX = no need */
	uint64_t reconcile_not_before_ns;
	uint64_t leak_scan_not_before_ns;
	unsigned int scans_failed; /* in a row */
	uint64_t summary_at_ns;
	bool finishing;
};

static void on_transition(void *context, const struct event_transition *e)
{
	struct engine *engine = context;

	tracker_transition(&engine->tracker, e);
}

static bool is_shown(const struct engine *engine, const struct change *change)
{
	return engine->config.options->trace &&
	       (change->owner ? change->owner->watched : !watch_set_is_selective(engine->watched));
}

static void on_changed(void *context, const struct change *change, struct tcp_socket *socket)
{
	struct engine *engine = context;

	if (is_shown(engine, change))
		engine->config.output->ops->change(engine->config.output, change);
	if (socket && change->to == TCP_CLOSE_WAIT)
		leak_watch_enter(engine->leaks, socket);
}

static void on_found(void *context, struct tcp_socket *socket)
{
	struct engine *engine = context;

	if (socket->state == TCP_CLOSE_WAIT)
		leak_watch_enter(engine->leaks, socket);
}

static void on_leaving(void *context, struct tcp_socket *socket, uint64_t time_ns)
{
	struct engine *engine = context;

	if (socket->state == TCP_CLOSE_WAIT)
		leak_watch_leave(engine->leaks, socket, time_ns);
}

static void on_leaked(void *context, const struct leak *leak)
{
	struct engine *engine = context;

	engine->config.output->ops->leak(engine->config.output, leak);
}

static void on_leak_ended(void *context, const struct leak_end *end)
{
	struct engine *engine = context;

	engine->config.output->ops->leak_end(engine->config.output, end);
}

struct engine *engine_new(const struct engine_config *config)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	struct tracker_hooks hooks = {
		.changed = on_changed, .found = on_found, .leaving = on_leaving, .context = engine};
	struct leak_hooks leak_hooks = {
		.leaked = on_leaked, .ended = on_leak_ended, .context = engine};

	if (!engine)
		return NULL;
	engine->config = *config;
	engine->coalesce.sink = on_transition;
	engine->coalesce.context = engine;
	engine->reconcile_at_ns = UINT64_MAX;
	engine->summary_at_ns = UINT64_MAX;
	engine->watched = watch_set_new(config->options);
	if (!engine->watched ||
	    tracker_init(&engine->tracker, engine->watched, config->self_tgid, &hooks))
		goto fail;
	engine->leaks =
		leak_watch_new(&engine->tracker, config->options->close_wait_ns, &leak_hooks);
	if (!engine->leaks)
		goto fail;
	return engine;
fail:
	engine_free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	leak_watch_free(engine->leaks);
	tracker_free(&engine->tracker);
	watch_set_free(engine->watched);
	free(engine);
}

static uint64_t now(const struct engine *engine)
{
	return engine->config.source->ops->now(engine->config.source);
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
	if (header->kind == EVENT_TRANSITION) {
		coalesce_event(&engine->coalesce, record);
	} else if (header->kind == EVENT_FORK) {
		child = tracker_fork(&engine->tracker, record);
		if (child)
			engine->config.watch_child(engine->config.context, child);
	}
}

static int drain(struct engine *engine)
{
	struct source *source = engine->config.source;
	int err = source->ops->drain(source, on_record, engine);

	coalesce_flush(&engine->coalesce, now(engine));
	return err;
}

static int scan(struct engine *engine, const struct scan_request *request,
		struct scan_result *result)
{
	struct source *source = engine->config.source;
	int err = source->ops->scan(source, request, result);

	if (err)
		return err;
	engine->scans_failed = 0;
	scan_result_finish(result);
	if (engine->config.options->verbose)
		fprintf(stderr, "scan: %zu sockets, %zu descriptors, %.1f ms\n", result->sockets,
			result->descriptors,
			(double)(result->ended_ns - result->started_ns) / (double)NS_PER_MS);
	return 0;
}

/* In the middle of a run: what was known stays, and the scan is tried again. */
static void note_failed_scan(struct engine *engine, int err)
{
	if (++engine->scans_failed == SCANS_FAILED_TOLD)
		fprintf(stderr, "tcpwatch: scans of the sockets fail: %s; leaks cannot be judged\n",
			strerror(-err));
}

static int scan_all(struct engine *engine, struct scan_result *result)
{
	const struct scan_request request = {
		.states = SCAN_ALL_STATES, .descriptors = true, .tables = true};

	return scan(engine, &request, result);
}

/* A full scan, joined with the records that came before and during it. */
static int reconcile(struct engine *engine)
{
	struct scan_result result = {0};
	int err = drain(engine);

	if (!err)
		err = scan_all(engine, &result);
	if (err)
		return err;
	reconcile_begin(&engine->tracker, &result);
	err = drain(engine);
	if (!err)
		reconcile_end(&engine->tracker, &result);
	scan_result_clear(&result);
	return err;
}

static uint64_t losses_now(const struct engine *engine)
{
	return ledger_lost(&engine->ledger) + engine->tracker.gaps + engine->tracker.no_memory;
}

/* After a scan: the gaps that it found are mended by it. */
static void losses_settled(struct engine *engine)
{
	engine->losses_seen = losses_now(engine);
}

/* Notices new losses, and sees to it that the table is put right after them. */
static void look_for_losses(struct engine *engine)
{
	struct source *source = engine->config.source;
	uint64_t losses;

	source->ops->ledger(source, &engine->ledger);
	losses = losses_now(engine);
	if (losses == engine->losses_seen)
		return;
	engine->losses_seen = losses;
	if (engine->reconcile_at_ns == UINT64_MAX) {
		uint64_t at_ns = now(engine) + RECONCILE_AFTER_NS;

		engine->reconcile_at_ns = at_ns > engine->reconcile_not_before_ns
						  ? at_ns
						  : engine->reconcile_not_before_ns;
	}
}

static void reconcile_if_due(struct engine *engine)
{
	int err;

	look_for_losses(engine);
	if (now(engine) < engine->reconcile_at_ns)
		return;
	engine->reconcile_at_ns = UINT64_MAX;
	err = reconcile(engine);
	engine->reconcile_not_before_ns = now(engine) + RECONCILE_PAUSE_NS;
	if (err) {
		note_failed_scan(engine, err);
		engine->reconcile_at_ns = engine->reconcile_not_before_ns;
		return;
	}
	losses_settled(engine);
}

/* The descriptors first; the TCP tables of all namespaces only for sockets that no descriptor
 * holds. */
static int scan_for_leaks(struct engine *engine, struct scan_result *result)
{
	struct scan_request request = {.states = LEAK_SCAN_STATES, .descriptors = true};
	int err = scan(engine, &request, result);

	if (err || leak_watch_all_found(engine->leaks, result))
		return err;
	request.tables = true;
	scan_result_clear(result);
	return scan(engine, &request, result);
}

static void pause_leak_scans(struct engine *engine, uint64_t began_ns)
{
	uint64_t ended_ns = now(engine);
	uint64_t pause_ns = (ended_ns - began_ns) * LEAK_SCAN_SHARE;

	if (pause_ns < LEAK_SCAN_PAUSE_MIN)
		pause_ns = LEAK_SCAN_PAUSE_MIN;
	if (pause_ns > LEAK_SCAN_PAUSE_MAX)
		pause_ns = LEAK_SCAN_PAUSE_MAX;
	engine->leak_scan_not_before_ns = ended_ns + pause_ns;
}

static int judge_leaks_if_due(struct engine *engine)
{
	struct scan_result result = {0};
	uint64_t began_ns = now(engine);
	int err;

	if (began_ns < engine->leak_scan_not_before_ns ||
	    !leak_watch_collect(engine->leaks, began_ns))
		return 0;
	err = scan_for_leaks(engine, &result);
	if (err) {
		note_failed_scan(engine, err);
		leak_watch_postpone(engine->leaks, now(engine), LEAK_SCAN_FAILED_PAUSE);
		err = 0;
		goto out;
	}
	/* Closed during the scan: not a leak any more. */
	err = drain(engine);
	if (leak_watch_judge(engine->leaks, &result, now(engine)) &&
	    engine->reconcile_at_ns == UINT64_MAX)
		engine->reconcile_at_ns = engine->reconcile_not_before_ns;
out:
	scan_result_clear(&result);
	pause_leak_scans(engine, began_ns);
	return err;
}

/* Prints by `print` what is known now. */
static int show(struct engine *engine,
		void (*print)(struct output *output, const struct view *view))
{
	uint64_t now_ns = now(engine);
	struct view view;
	int err;

	look_for_losses(engine);
	err = view_build(&view, &engine->tracker, leak_watch_groups(engine->leaks, now_ns),
			 &engine->ledger, now_ns, engine->started_ns);
	if (err)
		return err;
	view.final = engine->finishing;
	print(engine->config.output, &view);
	view_clear(&view);
	return 0;
}

static int summarize_if_due(struct engine *engine)
{
	uint64_t now_ns = now(engine);

	if (now_ns < engine->summary_at_ns)
		return 0;
	do
		engine->summary_at_ns += engine->config.options->interval_ns;
	while (engine->summary_at_ns <= now_ns);
	return show(engine, engine->config.output->ops->summary);
}

static bool process_alive(uint32_t tgid)
{
	return !kill((pid_t)tgid, 0) || errno != ESRCH;
}

/* Does a watched process hold it, or own it without a descriptor (unaccepted)? */
static bool is_watched(struct engine *engine, const struct tcp_socket *socket,
		       const struct event_scan *records, size_t count)
{
	if (!watch_set_is_selective(engine->watched))
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

int engine_start(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	struct scan_result result = {0};
	struct output_start start = {
		.version = TCPWATCH_VERSION,
		.kernel = config->kernel,
		.mode = config->mode,
		.options = config->options,
		.targets = config->targets,
	};
	int err;

	engine->started_ns = now(engine);
	config->source->ops->clock(config->source, &config->output->clock);
	if (config->options->interval_ns)
		engine->summary_at_ns = engine->started_ns + config->options->interval_ns;
	err = scan_all(engine, &result);
	if (err)
		goto out;
	reconcile_begin(&engine->tracker, &result);
	/* Told before anything that came during the scan. */
	count_found(engine, &result, &start);
	config->output->ops->start(config->output, &start, engine->started_ns);
	err = drain(engine);
	if (!err)
		reconcile_end(&engine->tracker, &result);
	losses_settled(engine);
	/* Leaks that are older than us: this scan has all that is asked about them. */
	if (leak_watch_collect(engine->leaks, now(engine)))
		leak_watch_judge(engine->leaks, &result, now(engine));
	if (!err)
		err = output_flush(config->output);
out:
	scan_result_clear(&result);
	return err;
}

int engine_poll(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	int err = drain(engine);

	config->source->ops->clock(config->source, &config->output->clock);
	if (!err)
		reconcile_if_due(engine);
	if (!err)
		err = judge_leaks_if_due(engine);
	if (!err)
		err = summarize_if_due(engine);
	process_table_fold(engine->tracker.processes, process_alive);
	return err ? err : output_flush(config->output);
}

uint64_t engine_deadline(const struct engine *engine)
{
	uint64_t deadline = leak_watch_deadline(engine->leaks);

	if (deadline != UINT64_MAX && deadline < engine->leak_scan_not_before_ns)
		deadline = engine->leak_scan_not_before_ns;
	if (engine->reconcile_at_ns < deadline)
		deadline = engine->reconcile_at_ns;
	return engine->summary_at_ns < deadline ? engine->summary_at_ns : deadline;
}

void engine_process_exited(struct engine *engine, uint32_t tgid)
{
	watch_set_exited(engine->watched, tgid);
}

int engine_finish(struct engine *engine)
{
	int err;

	engine->finishing = true;
	engine->config.source->ops->stop(engine->config.source);
	err = reconcile(engine); /* who holds what is still open */
	if (err)
		note_failed_scan(engine, err);
	coalesce_flush(&engine->coalesce, UINT64_MAX);
	tracker_settle_all(&engine->tracker);
	err = show(engine, engine->config.output->ops->summary);
	if (!err)
		err = show(engine, engine->config.output->ops->end);
	return err ? err : output_flush(engine->config.output);
}
