// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/hooks.h"

#include "engine/internal.h"
#include "track/owner.h"

/* A socket without a known owner is shown where every process is watched. */
static bool is_watched(const struct engine *engine, const struct process *process)
{
	return process ? process->watched : !filter_is_selective(engine->watched);
}

/*
 * A record of this socket was lost, or the socket was found by a scan after a loss: nobody saw when
 * its CLOSE_WAIT began. until_ns 0: its end was not seen either.
 */
static void on_doubted(void *context, const struct tcp_socket *socket, uint64_t since_ns,
		       uint64_t until_ns, uint64_t least_ns)
{
	struct engine *engine = context;
	struct completeness *completeness = &engine->completeness;
	const struct misfit *misfit = &engine->tracker.misfit;
	uint64_t after_ns = socket->since_known ? socket->since_ns : 0;

	if (socket->owner && owner_is_known(socket) && !socket->owner->watched)
		return;
	if (misfit->time_ns) {
		after_ns = misfit->after_ns;
		until_ns = until_ns ? until_ns : misfit->time_ns;
	}
	if (!until_ns)
		until_ns = engine->scans.joining ? completeness->grew_ns : engine_now(engine);
	if (!since_ns)
		since_ns = until_ns;
	if (!completeness->gap.from_ns && since_ns > completeness->looked_ns)
		scan_plan_count_losses(&engine->scans); /* the loss may not be counted yet */
	completeness_doubt(completeness, after_ns, since_ns, until_ns, least_ns);
}

/* Whether a socket that was known as ESTABLISHED, and is not any more, may have been in CLOSE_WAIT
 * and have left it. If a record names CLOSE_WAIT, or a scan finds it there, it still is. */
static bool was_in_close_wait(const struct engine *engine, const struct tcp_socket *socket)
{
	const struct misfit *misfit = &engine->tracker.misfit;

	if (misfit->time_ns)
		return misfit->from == TCP_LAST_ACK || misfit->from == TCP_CLOSE;
	return !engine->scans.joining || !socket->scanned || socket->scan_state == TCP_LAST_ACK ||
	       socket->scan_state == TCP_CLOSE;
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
	else if (!time_ns && socket->state == TCP_ESTABLISHED && !socket->hidden &&
		 was_in_close_wait(engine, socket))
		on_doubted(engine, socket, 0, 0, engine->completeness.threshold_ns);
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
		.doubted = on_doubted,
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
