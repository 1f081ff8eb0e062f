// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/source_replay.h"

#include <errno.h>
#include <stdlib.h>

#include "host/process_limit.h"
#include "replay/log.h"

struct source_replay {
	struct source base;
	struct replay_log log;
	uint64_t now_ns;
	size_t next;  /* the first item that was not drained */
	size_t exits; /* the first item that source_replay_exited() has not looked at */
	size_t ahead; /* the first item that update_scan_and_clock() has not looked at */
	struct scan_result namespaces;	/* `seen` has all namespaces of the log */
	const struct replay_item *scan; /* the last one so far; NULL: none */
	struct scan_request request;	/* of the scan that has begun */
	const struct replay_item *clock;
	const struct replay_item *ledger;
	uint64_t drained;	    /* records */
	uint64_t drained_at_ledger; /* records before `ledger` */
};

static struct source_replay *replay_of(const struct source *source)
{
	return (struct source_replay *)source;
}

static const struct replay_item *end_of(const struct source_replay *replay)
{
	return replay->log.items + replay->log.count;
}

/* Time stands still meanwhile, so there is always an end. */
static int replay_drain(struct source *source, struct source_bound *bound, source_sink sink,
			void *context)
{
	struct source_replay *replay = replay_of(source);

	(void)bound;
	while (source_replay_next(source) <= replay->now_ns) {
		const struct replay_item *item = &replay->log.items[replay->next++];

		if (item->type == REPLAY_RECORD) {
			replay->drained++;
			sink(context, item->wire, item->size);
		} else if (item->type == REPLAY_STACK) {
			replay->drained++;
			sink(context, item->stack, item->size);
		} else if (item->type == REPLAY_LEDGER) {
			replay->ledger = item;
			replay->drained_at_ledger = replay->drained;
		}
	}
	return 0;
}

/* Finds the last scan and clock so far, even if records before them are not drained yet. */
static void update_scan_and_clock(struct source_replay *replay)
{
	while (replay->ahead < replay->log.count) {
		const struct replay_item *item = &replay->log.items[replay->ahead];

		if (item->time_ns > replay->now_ns)
			break;
		if (item->type == REPLAY_SCAN)
			replay->scan = item;
		else if (item->type == REPLAY_CLOCK)
			replay->clock = item;
		replay->ahead++;
	}
}

static struct replay_clock clock_of(struct source_replay *replay)
{
	update_scan_and_clock(replay);
	return replay->clock ? replay->clock->clock : REPLAY_CLOCK_DEFAULT;
}

static bool is_wanted(const struct event_scan *record, const struct scan_request *request)
{
	switch (record->header.kind) {
	case EVENT_SCAN_FD:
		return request->descriptors && request->states >> record->state & 1;
	case EVENT_SCAN_MINI:
		return scan_request_has_netns(request, record->header.netns) &&
		       request->mini_states >> record->state & 1;
	default:
		return scan_request_has_netns(request, record->header.netns) &&
		       scan_request_states(request, false) >> record->state & 1;
	}
}

static int add_seen(struct scan_result *result, const uint32_t *seen, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = scan_result_add_seen(result, seen[i]);
	return err;
}

static int take_scan(const struct source_replay *replay, const struct replay_item *scan,
		     const struct scan_request *request, struct scan_result *result)
{
	const struct scan_result *all = &replay->namespaces;
	int err;

	result->others_gone = scan->scan.others_gone && request->all_tables;
	if (!request->all_tables)
		err = add_seen(result, request->tables.items, request->tables.count);
	else if (scan->scan.some_unseen)
		err = add_seen(result, scan->scan.seen, scan->scan.seen_count);
	else
		err = add_seen(result, all->seen, all->seen_count);
	for (size_t i = 0; !err && i < scan->scan.unseen_count; i++)
		err = scan_result_add_unseen(result, scan->scan.unseen[i]);
	for (const struct replay_item *item = scan + 1;
	     !err && item < end_of(replay) && item->type == REPLAY_SCAN_RECORD; item++) {
		const struct event_scan *record = &item->scan_record;
		bool outdated = item->next_change && item->next_change < replay->next;

		if (!outdated && is_wanted(record, request))
			err = scan_result_add(result, record, item->size);
		if (!err && !outdated && item->listener &&
		    (scan_request_has_netns(request, record->header.netns) ||
		     (request->descriptors && request->queues)) &&
		    request->states >> TCP_LISTEN & 1)
			err = accept_queues_add(&result->queues, item->listener, record->cookie);
	}
	return err;
}

static void replay_scan_begin(struct source *source, const struct scan_request *request,
			      struct scan_result *result)
{
	struct source_replay *replay = replay_of(source);

	(void)result;
	replay->request = *request;
}

/* The whole of it. */
static int replay_scan_step(struct source *source, uint64_t until_ns, struct scan_result *result)
{
	struct source_replay *replay = replay_of(source);
	const struct replay_item *scan;
	int err;

	(void)until_ns;
	result->tick_ns = clock_of(replay).tick_ns;
	scan = replay->scan;
	if (!scan) /* it starts at 0, so that everything known is newer */
		return 0;
	result->started_ns = scan->time_ns;
	result->ended_ns = scan->time_ns + scan->scan.duration_ns;
	source_replay_advance(source, result->ended_ns);
	err = scan->scan.error ? -(int)scan->scan.error
			       : take_scan(replay, scan, &replay->request, result);
	if (err)
		scan_result_clear(result);
	return err;
}

/* Gives the last line about the namespace so far, or the defaults. */
static int replay_settings(struct source *source, uint32_t netns, struct net_settings *settings)
{
	const struct source_replay *replay = replay_of(source);

	*settings = NET_SETTINGS_DEFAULT;
	for (size_t i = 0; i < replay->next; i++)
		if (replay->log.items[i].type == REPLAY_SETTINGS &&
		    replay->log.items[i].settings.netns == netns)
			*settings = replay->log.items[i].settings.settings;
	return 0;
}

/* Gives the last line about the process so far, or the default. */
static int replay_descriptor_limit(struct source *source, uint32_t pid, uint64_t *limit)
{
	const struct source_replay *replay = replay_of(source);

	*limit = PROCESS_LIMIT_DEFAULT;
	for (size_t i = 0; i < replay->next; i++)
		if (replay->log.items[i].type == REPLAY_LIMIT && replay->log.items[i].pid == pid)
			*limit = replay->log.items[i].descriptors;
	return 0;
}

static void replay_stop(struct source *source)
{
	(void)source;
}

static void replay_ledger(struct source *source, struct ledger *ledger)
{
	struct source_replay *replay = replay_of(source);
	struct replay_ledger lost = {0};

	if (replay->ledger)
		lost = replay->ledger->ledger;
	ledger->lost[LOST_RING_FULL] = lost.ring_full;
	ledger->lost[LOST_RECURSION] = lost.recursion;
	ledger->aside = lost.aside;
	ledger->interrupts = lost.recursion - lost.aside;
	ledger->seen = lost.seen_given ? lost.seen + replay->drained - replay->drained_at_ledger
				       : replay->drained + lost.ring_full + lost.recursion;
}

static uint64_t replay_now(struct source *source)
{
	return replay_of(source)->now_ns;
}

static void replay_clock(struct source *source, struct clock *clock)
{
	*clock = clock_of(replay_of(source)).clock;
}

static void replay_free(struct source *source)
{
	struct source_replay *replay = replay_of(source);

	scan_result_clear(&replay->namespaces);
	replay_log_clear(&replay->log);
	free(replay);
}

/* The pids of a log are those of another host or another time. */
static bool replay_process_alive(struct source *source, uint32_t tgid)
{
	(void)source;
	(void)tgid;
	return true;
}

static const struct source_ops ops = {
	.drain = replay_drain,
	.scan_begin = replay_scan_begin,
	.scan_step = replay_scan_step,
	.cpu_time = replay_now,
	.settings = replay_settings,
	.descriptor_limit = replay_descriptor_limit,
	.stop = replay_stop,
	.ledger = replay_ledger,
	.now = replay_now,
	.clock = replay_clock,
	.process_alive = replay_process_alive,
	.free = replay_free,
};

static int find_namespaces(struct source_replay *replay)
{
	int err = 0;

	for (size_t i = 0; !err && i < replay->log.count; i++) {
		const struct replay_item *item = &replay->log.items[i];
		uint32_t netns = item->scan_record.header.netns;

		/* All records begin with the same header. */
		if ((item->type == REPLAY_RECORD || item->type == REPLAY_SCAN_RECORD) &&
		    !scan_result_has_seen(&replay->namespaces, netns))
			err = scan_result_add_seen(&replay->namespaces, netns);
	}
	return err;
}

int source_replay_new(struct source **source, FILE *file, struct replay_error *error)
{
	struct source_replay *replay = calloc(1, sizeof(*replay));
	int err;

	if (!replay)
		return -ENOMEM;
	replay->base.ops = &ops;
	err = replay_log_read(&replay->log, file, error);
	if (!err)
		err = find_namespaces(replay);
	if (err) {
		replay_free(&replay->base);
		return err;
	}
	replay->base.features = REPLAY_FEATURES_DEFAULT;
	if (replay->log.count) {
		replay->now_ns = replay->log.items[0].time_ns;
		if (replay->log.items[0].type == REPLAY_FEATURES)
			replay->base.features = replay->log.items[0].features;
	}
	*source = &replay->base;
	return 0;
}

uint64_t source_replay_next(const struct source *source)
{
	const struct source_replay *replay = replay_of(source);

	return replay->next < replay->log.count ? replay->log.items[replay->next].time_ns
						: UINT64_MAX;
}

void source_replay_advance(struct source *source, uint64_t time_ns)
{
	struct source_replay *replay = replay_of(source);

	if (time_ns > replay->now_ns)
		replay->now_ns = time_ns;
}

const struct replay_symbol *source_replay_symbol(const struct source *source, uint64_t ip)
{
	const struct replay_log *log = &replay_of(source)->log;

	for (size_t i = 0; i < log->count; i++)
		if (log->items[i].type == REPLAY_SYMBOL && log->items[i].symbol->ip == ip)
			return log->items[i].symbol;
	return NULL;
}

uint32_t source_replay_exited(struct source *source)
{
	struct source_replay *replay = replay_of(source);

	while (replay->exits < replay->next) {
		const struct replay_item *item = &replay->log.items[replay->exits++];

		if (item->type == REPLAY_EXIT)
			return item->pid;
	}
	return 0;
}
