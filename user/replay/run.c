// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "replay/sites.h"
#include "replay/source_replay.h"
#include "replay/wire.h"
#include "cli/targets.h"
#include "base/units.h"

/* As in loop.c: how long the kernel still works on the sockets of a process that has ended. */
#define LAST_EVENTS_NS (100 * NS_PER_MS)
#define STEP_NS	       NS_PER_MS

struct replay {
	struct source *source;
	const struct options *options;
	struct engine *engine;
	uint32_t *targets; /* processes of -p and -f that have not exited */
	size_t target_count;
	uint64_t end_ns;
	int err;
};

static int target_add(struct replay *replay, uint32_t pid)
{
	uint32_t *targets =
		reallocarray(replay->targets, replay->target_count + 1, sizeof(*targets));

	if (!targets)
		return -ENOMEM;
	replay->targets = targets;
	targets[replay->target_count++] = pid;
	return 0;
}

static bool watch_child(void *context, uint32_t pid)
{
	struct replay *replay = context;

	if (target_add(replay, pid))
		replay->err = -ENOMEM;
	return true;
}

static uint64_t now(const struct replay *replay)
{
	return replay->source->ops->now(replay->source);
}

static void end_by(struct replay *replay, uint64_t end_ns)
{
	if (end_ns < replay->end_ns)
		replay->end_ns = end_ns;
}

static void on_exit_of(struct replay *replay, uint32_t pid)
{
	for (size_t i = 0; i < replay->target_count; i++) {
		if (replay->targets[i] != pid)
			continue;
		engine_process_exited(replay->engine, pid);
		replay->targets[i] = replay->targets[--replay->target_count];
		if (!replay->target_count ||
		    (replay->options->command && pid == replay->options->pids[0]))
			end_by(replay, now(replay) + LAST_EVENTS_NS);
		return;
	}
}

static uint64_t next_step(const struct replay *replay)
{
	uint64_t next_ns = engine_deadline(replay->engine);
	uint64_t line_ns = source_replay_next(replay->source);

	if (next_ns < now(replay) + STEP_NS)
		next_ns = now(replay) + STEP_NS;
	if (line_ns < next_ns)
		next_ns = line_ns;
	return next_ns < replay->end_ns ? next_ns : replay->end_ns;
}

/* As in loop.c, forks are taken in before exits are looked at. */
static int step(struct replay *replay)
{
	uint32_t pid;
	int err = engine_poll(replay->engine);

	if (err)
		return err;
	while ((pid = source_replay_exited(replay->source)))
		on_exit_of(replay, pid);
	return replay->err;
}

static int run(struct replay *replay)
{
	int err = engine_start(replay->engine);

	if (!err)
		err = step(replay);
	while (!err && now(replay) < replay->end_ns &&
	       source_replay_next(replay->source) != UINT64_MAX) {
		source_replay_advance(replay->source, next_step(replay));
		err = step(replay);
	}
	return err ? err : engine_finish(replay->engine);
}

int replay_run(struct source *source, struct output *output, const struct options *options,
	       struct suppressions *suppressions)
{
	struct replay replay = {.source = source, .options = options, .end_ns = UINT64_MAX};
	struct engine_config config = {
		.options = options,
		.suppressions = suppressions,
		.source = source,
		.output = output,
		.kernel = "replay",
		.watch_child = watch_child,
		.context = &replay,
	};
	char targets[TARGETS_TEXT_LEN];
	int err = 0;

	config.targets = targets_describe(options, false, targets);
	config.netns = REPLAY_NETNS_DEFAULT;
	if (options->duration_ns)
		end_by(&replay, now(&replay) + options->duration_ns);
	for (size_t i = 0; !err && i < options->pid_count; i++)
		err = target_add(&replay, options->pids[i]);
	if (options->stack) {
		config.sites = replay_sites_new(source);
		if (!config.sites)
			err = -ENOMEM;
	}
	replay.engine = engine_new(&config);
	if (!replay.engine)
		err = -ENOMEM;
	if (!err)
		err = run(&replay);
	engine_free(replay.engine);
	if (config.sites)
		config.sites->ops->free(config.sites);
	free(replay.targets);
	return err;
}
