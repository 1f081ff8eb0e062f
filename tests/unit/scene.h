/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCENE_H
#define TCPWATCH_SCENE_H

/* A scan plan with all that it asks for scans: the tracker, the leak watch and the findings. */
#include "kernel.h"
#include "leaks.h"

#include "engine/scan_plan.h"

#define KNOWN 32

struct scene {
	struct kernel kernel;
	struct world *world;
	struct finding_watch *findings;
	struct completeness completeness;
	struct scan_plan plan;
	struct event_scan known[KNOWN]; /* what scans find */
	size_t known_count;
	size_t known_in[KNOWN]; /* by which step of a scan each of them is found, from 0 */
	struct event_transition meanwhile; /* comes during the next scan; size 0: nothing does */
	size_t meanwhile_in;		   /* during which of its steps */
	size_t found;			   /* findings that opened */
};

static inline bool is_wanted(const struct event_scan *record, const struct scan_request *request)
{
	if (record->header.kind == EVENT_SCAN_MINI)
		return scan_request_has_netns(request, record->header.netns) &&
		       request->mini_states >> record->state & 1;
	if (record->header.kind == EVENT_SCAN_FD)
		return request->descriptors && request->states >> record->state & 1;
	return scan_request_has_netns(request, record->header.netns) &&
	       scan_request_states(request, false) >> record->state & 1;
}

static inline void scene_find(struct kernel *kernel, const struct scan_request *request,
			      struct scan_result *result)
{
	struct scene *scene = kernel->context;

	for (size_t i = 0; i < scene->known_count; i++)
		if (scene->known_in[i] == kernel->step && is_wanted(&scene->known[i], request))
			scan_add(result, &scene->known[i]);
	if (scene->meanwhile.header.size && scene->meanwhile_in == kernel->step) {
		kernel_tell(kernel, &scene->meanwhile);
		scene->meanwhile.header.size = 0;
	}
}

static inline void on_found(void *context, const struct finding *finding)
{
	struct scene *scene = context;

	scene->found += finding->status == FINDING_OPENED;
}

/* Leaks are reported after 10 s. */
static inline struct scene *scene_new(void)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct finding_hooks hooks = {.found = on_found, .context = scene};

	assert_non_null(scene);
	scene->world = world_new(&everything);
	world_watch_leaks(scene->world, 10 * NS_PER_S);
	kernel_init(&scene->kernel, scene->world);
	scene->kernel.find = scene_find;
	scene->kernel.context = scene;
	scene->findings = finding_watch_new(&scene->world->tracker, scene->world->leaks,
					    &scene->kernel.source, START_NS, &hooks);
	assert_non_null(scene->findings);
	scene->plan = (struct scan_plan){.intake = &scene->world->intake,
					 .leaks = scene->world->leaks,
					 .completeness = &scene->completeness,
					 .findings = scene->findings};
	scan_plan_init(&scene->plan);
	return scene;
}

static inline void scene_free(struct scene *scene)
{
	scan_plan_clear(&scene->plan);
	finding_watch_free(scene->findings);
	world_free(scene->world);
	free(scene);
}

static inline void know(struct scene *scene, const struct event_scan *record)
{
	assert_in_range(scene->known_count, 0, KNOWN - 1);
	scene->known[scene->known_count++] = *record;
}

static inline void know_idle(struct scene *scene, uint64_t cookie, const struct event_task *holder)
{
	struct event_scan record = idle(cookie, holder, scene->kernel.now_ns);

	know(scene, &record);
}

#endif
