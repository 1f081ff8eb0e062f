// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/hooks.h"

#include "engine/internal.h"

/* A socket without a known owner is shown where every process is watched. */
static bool is_watched(const struct engine *engine, const struct process *process)
{
	return process ? process->watched : !filter_is_selective(engine->watched);
}

static void on_changed(void *context, const struct change *change, struct tcp_socket *socket)
{
	struct engine *engine = context;
	bool watched = is_watched(engine, change->owner);

	if (watched && engine->config.options->trace)
		engine->config.output->ops->change(engine->config.output, change);
	if (socket && change->to == TCP_CLOSE_WAIT)
		leak_watch_enter(engine->leaks, socket, change->lifetime_ns);
	if (watched)
		finding_watch_changed(engine->findings, change);
}

static void on_accepted(void *context, const struct accepted *accepted)
{
	struct engine *engine = context;

	if (engine->config.options->trace && is_watched(engine, accepted->process))
		engine->config.output->ops->accepted(engine->config.output, accepted);
}

static void on_found(void *context, struct tcp_socket *socket)
{
	struct engine *engine = context;

	if (socket->state == TCP_CLOSE_WAIT)
		leak_watch_enter(engine->leaks, socket, DURATION_UNKNOWN);
}

static void on_left(void *context, struct tcp_socket *socket, const struct event_transition *e)
{
	struct engine *engine = context;

	leak_watch_left(engine->leaks, socket, e);
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

	if (engine->made && leak->kind != LEAK_IDLE)
		suppression_gen_add(engine->made, leak);
	engine->leaks_told += leak->kind != LEAK_IDLE;
	engine->config.output->ops->leak(engine->config.output, leak);
}

static bool is_ignored(void *context, const struct leak *leak)
{
	struct suppressions *suppressions = ((struct engine *)context)->config.suppressions;

	return suppressions && suppressions_match(suppressions, leak);
}

static void on_leak_ended(void *context, const struct leak_end *end)
{
	struct engine *engine = context;

	engine->config.output->ops->leak_end(engine->config.output, end);
}

/* Only where config.sites is not NULL. */
static const struct call_stack *ask_names(void *context, uint32_t stack)
{
	struct call_sites *sites = ((struct engine *)context)->config.sites;

	return sites->ops->names(sites, stack);
}

static void on_finding(void *context, const struct finding *finding)
{
	struct engine *engine = context;

	engine->config.output->ops->finding(engine->config.output, finding);
}

struct tracker_hooks engine_tracker_hooks(struct engine *engine)
{
	return (struct tracker_hooks){
		.changed = on_changed,
		.accepted = on_accepted,
		.found = on_found,
		.left = on_left,
		.leaving = on_leaving,
		.context = engine,
	};
}

struct leak_hooks engine_leak_hooks(struct engine *engine)
{
	return (struct leak_hooks){
		.leaked = on_leaked,
		.ended = on_leak_ended,
		.names = engine->config.sites ? ask_names : NULL,
		.ignored = is_ignored,
		.context = engine,
	};
}

struct finding_hooks engine_finding_hooks(struct engine *engine)
{
	return (struct finding_hooks){
		.found = on_finding,
		.context = engine,
	};
}
