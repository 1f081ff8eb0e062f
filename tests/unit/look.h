/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LOOK_H
#define TCPWATCH_LOOK_H

/* Rules of findings about TIME_WAIT, with the engine's plan and a source of the test's own. */
#include "kernel.h"
#include "minis.h"

#include "engine/scan_plan.h"

#define LOOK_MINIS 65536

struct look {
	struct kernel kernel;
	struct world *world;
	struct finding_watch *watch;
	struct completeness completeness;
	struct scan_plan plan;
	struct {
		uint64_t cookie;
		uint64_t since_ns; /* TIME_WAIT */
		struct event_flow flow;
	} minis[LOOK_MINIS]; /* what scans find, for 60 s each */
	size_t mini_count;
	size_t found_count;   /* with FINDING_OVER */
	struct finding found; /* the last one */
};

/* Hooks of the tracker have the world as their context. */
static struct look *looking;

static inline void look_on_changed(void *context, const struct change *change,
				   struct tcp_socket *socket)
{
	world_on_changed(context, change, socket);
	if (!change->owner || change->owner->watched)
		finding_watch_changed(looking->watch, change);
}

static inline void look_on_found(void *context, const struct finding *finding)
{
	struct look *look = context;

	look->found_count++;
	look->found = *finding;
}

static inline void look_find(struct kernel *kernel, const struct scan_request *request,
			     struct scan_result *result)
{
	const struct look *look = kernel->context;

	for (size_t i = 0; i < look->mini_count; i++) {
		uint64_t age_ns = kernel->now_ns - look->minis[i].since_ns;
		struct event_scan record =
			make_scan_mini(look->minis[i].cookie, &look->minis[i].flow, TCP_TIME_WAIT,
				       0, kernel->now_ns);

		if (age_ns >= 60 * NS_PER_S || !(request->mini_states >> TCP_TIME_WAIT & 1))
			continue;
		record.mini.left_ticks = (__s32)((60 * NS_PER_S - age_ns) / result->tick_ns);
		scan_add(result, &record);
	}
}

static inline struct look *look_new(const struct options *options)
{
	struct look *look = calloc(1, sizeof(*look));
	struct finding_hooks hooks = {.found = look_on_found, .context = look};

	assert_non_null(look);
	look->world = world_new(options);
	world_watch_leaks(look->world, 10 * NS_PER_S);
	look->world->tracker.hooks.changed = look_on_changed;
	kernel_init(&look->kernel, look->world);
	look->kernel.find = look_find;
	look->kernel.context = look;
	look->watch = finding_watch_new(&look->world->tracker, look->world->leaks,
					&look->kernel.source, look->kernel.now_ns, &hooks);
	assert_non_null(look->watch);
	look->plan = (struct scan_plan){.intake = &look->world->intake,
					.leaks = look->world->leaks,
					.completeness = &look->completeness,
					.findings = look->watch};
	scan_plan_init(&look->plan);
	looking = look;
	return look;
}

static inline void look_free(struct look *look)
{
	finding_watch_free(look->watch);
	world_free(look->world);
	free(look);
}

/* A client connects; before that it has the port only if it is bound. */
static inline void look_open(struct look *look, uint64_t cookie, struct event_flow flow, bool bound,
			     const struct event_task *task)
{
	struct event_flow early = flow;

	if (!bound)
		early.local_port = 0;
	world_step(look->world, cookie, &early, TCP_CLOSE, TCP_SYN_SENT, look->kernel.now_ns, task);
	world_step(look->world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, look->kernel.now_ns,
		   NULL);
}

/* ... and closes first. */
static inline void look_close(struct look *look, uint64_t cookie, struct event_flow flow,
			      const struct event_task *task)
{
	struct event_transition e;

	world_step(look->world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, look->kernel.now_ns,
		   task);
	world_step(look->world, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, look->kernel.now_ns,
		   NULL);
	e = make_transition(cookie, &flow, TCP_FIN_WAIT2, TCP_CLOSE, look->kernel.now_ns);
	e.flow.flags = EVENT_DEAD | EVENT_DONE;
	e.shutdown = BOTH;
	world_feed(look->world, &e);
	assert_in_range(look->mini_count, 0, LOOK_MINIS - 1);
	look->minis[look->mini_count].cookie = cookie;
	look->minis[look->mini_count].since_ns = look->kernel.now_ns;
	look->minis[look->mini_count++].flow = flow;
}

static inline void look_pass(struct look *look, uint64_t ns)
{
	look->kernel.now_ns += ns;
	scan_plan_look(&look->plan);
}

static inline uint64_t evidence_count(const struct finding *finding, const char *name)
{
	const struct evidence *evidence = finding_evidence(finding, name);

	assert_non_null(evidence);
	return evidence->count;
}

/* Rounded. */
static inline uint64_t evidence_rate(const struct finding *finding, const char *name)
{
	const struct evidence *evidence = finding_evidence(finding, name);

	assert_non_null(evidence);
	return (uint64_t)(evidence->rate + 0.5);
}

#endif
