/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDINGS_H
#define TCPWATCH_FINDINGS_H

/* A world that is looked at for findings, by the engine's plan, with a notebook of what was found.
 */
#include "kernel.h"
#include "leaks.h"

#include "engine/scan_plan.h"
#include "finding/rule.h"

#define FINDINGS_NOTES 64
#define FINDINGS_KNOWN 512

struct findings {
	struct kernel kernel;
	struct world *world;
	struct finding_watch *watch;
	struct completeness completeness;
	struct scan_plan plan;
	struct event_scan known[FINDINGS_KNOWN]; /* what scans find */
	uint64_t queue_of[FINDINGS_KNOWN]; /* for each: the listener where it waits; 0 = not told */
	size_t known_count;
	size_t count; /* goes on where there is no more room for notes */
	struct finding notes[FINDINGS_NOTES];
};

static inline void findings_on_found(void *context, const struct finding *finding)
{
	struct findings *findings = context;

	if (findings->count++ < FINDINGS_NOTES)
		findings->notes[findings->count - 1] = *finding;
}

static inline void findings_find(struct kernel *kernel, const struct scan_request *request,
				 struct scan_result *result)
{
	const struct findings *findings = kernel->context;

	for (size_t i = 0; i < findings->known_count; i++) {
		struct event_scan record = findings->known[i];
		bool mini = record.header.kind == EVENT_SCAN_MINI;

		record.time_ns = kernel->now_ns;
		if (findings->queue_of[i] && request->states >> TCP_LISTEN & 1 &&
		    (scan_request_has_netns(request, record.header.netns) ||
		     (request->descriptors && request->queues)))
			accept_queues_add(&result->queues, findings->queue_of[i], record.cookie);
		if (record.header.kind == EVENT_SCAN_FD
			    ? !request->descriptors
			    : !scan_request_has_netns(request, record.header.netns))
			continue;
		if ((mini ? request->mini_states
			  : scan_request_states(request, record.header.kind == EVENT_SCAN_FD)) >>
			    record.state &
		    1)
			scan_add(result, &record);
	}
}

/* Begins at START_NS; leaks are reported after 10 s. */
static inline struct findings *findings_new(const struct options *options)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	struct finding_hooks hooks = {.found = findings_on_found, .context = findings};

	assert_non_null(findings);
	findings->world = world_new(options);
	world_watch_leaks(findings->world, 10 * NS_PER_S);
	kernel_init(&findings->kernel, findings->world);
	findings->kernel.find = findings_find;
	findings->kernel.context = findings;
	findings->watch =
		finding_watch_new(&findings->world->tracker, findings->world->leaks,
				  &findings->kernel.source, findings->kernel.now_ns, &hooks);
	assert_non_null(findings->watch);
	findings->plan = (struct scan_plan){.intake = &findings->world->intake,
					    .leaks = findings->world->leaks,
					    .completeness = &findings->completeness,
					    .findings = findings->watch};
	scan_plan_init(&findings->plan);
	return findings;
}

static inline void findings_free(struct findings *findings)
{
	finding_watch_free(findings->watch);
	world_free(findings->world);
	free(findings);
}

/* A second passes after the other, with a look in each. */
static inline void findings_pass(struct findings *findings, unsigned int seconds)
{
	while (seconds--) {
		findings->kernel.now_ns += NS_PER_S;
		scan_plan_look(&findings->plan);
	}
}

static inline struct event_scan *findings_know(struct findings *findings,
					       const struct event_scan *record)
{
	assert_in_range(findings->known_count, 0, FINDINGS_KNOWN - 1);
	findings->known[findings->known_count] = *record;
	findings->queue_of[findings->known_count] = 0;
	return &findings->known[findings->known_count++];
}

/* The number of a finding, counted from 0. */
static inline const struct finding *findings_note(const struct findings *findings, size_t number)
{
	assert_in_range(number, 0, FINDINGS_NOTES - 1);
	assert_true(number < findings->count);
	return &findings->notes[number];
}

static inline void assert_evidence(const struct finding *finding, const char *name, uint64_t count)
{
	const struct evidence *evidence = finding_evidence(finding, name);

	assert_non_null(evidence);
	assert_int_equal(evidence->count, count);
}

static inline void assert_evidence_text(const struct finding *finding, const char *name,
					const char *text)
{
	const struct evidence *evidence = finding_evidence(finding, name);

	assert_non_null(evidence);
	assert_string_equal(evidence->text, text);
}

static inline void assert_no_evidence(const struct finding *finding, const char *name)
{
	assert_null(finding_evidence(finding, name));
}

#endif
