/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDINGS_H
#define TCPWATCH_FINDINGS_H

/* A world that is looked at for findings, with a clock, a kernel to ask and a notebook of what was
 * told. */
#include <errno.h>

#include "leaks.h"

#include "finding/rule.h"
#include "finding/watch.h"
#include "host/process_limit.h"

#define FINDINGS_NOTES 64
#define FINDINGS_KNOWN 512

struct findings {
	struct world *world;
	struct finding_watch *watch;
	uint64_t now_ns;
	uint64_t scan_ns; /* that a scan takes */
	int scan_error;
	size_t scans;
	struct scan_request asked;		 /* the last one */
	struct event_scan known[FINDINGS_KNOWN]; /* what scans find */
	size_t known_count;
	uint64_t limit; /* of descriptors, of every process; 0 = not known */
	size_t limits_read, settings_read;
	int settings_error;
	struct net_settings settings; /* all 0: the defaults */
	size_t count;		      /* goes on where there is no more room for notes */
	struct finding notes[FINDINGS_NOTES];
};

static inline void findings_on_found(void *context, const struct finding *finding)
{
	struct findings *findings = context;

	if (findings->count++ < FINDINGS_NOTES)
		findings->notes[findings->count - 1] = *finding;
}

static inline int findings_on_scan(void *context, const struct scan_request *request,
				   struct scan_result *result)
{
	struct findings *findings = context;

	findings->scans++;
	findings->asked = *request;
	if (findings->scan_error)
		return findings->scan_error;
	*result = scan_new(findings->now_ns);
	for (size_t i = 0; i < findings->known_count; i++) {
		struct event_scan record = findings->known[i];
		bool mini = record.header.kind == EVENT_SCAN_MINI;

		record.time_ns = findings->now_ns;
		if ((mini ? request->mini_states : request->states) >> record.state & 1)
			scan_add(result, &record);
	}
	scan_result_finish(result);
	findings->now_ns += findings->scan_ns;
	return 0;
}

static inline int findings_on_settings(void *context, uint32_t netns, struct net_settings *settings)
{
	struct findings *findings = context;

	(void)netns;
	findings->settings_read++;
	*settings = findings->settings.port_high ? findings->settings : NET_SETTINGS_DEFAULT;
	return findings->settings_error;
}

static inline int findings_on_limit(void *context, uint32_t pid, uint64_t *limit)
{
	struct findings *findings = context;

	(void)pid;
	findings->limits_read++;
	*limit = findings->limit;
	return findings->limit ? 0 : -ENOENT;
}

static inline uint64_t findings_on_now(void *context)
{
	return ((struct findings *)context)->now_ns;
}

/* Begins at START_NS; leaks are reported after 10 s. */
static inline struct findings *findings_new(const struct options *options)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	struct finding_hooks hooks = {.found = findings_on_found,
				      .scan = findings_on_scan,
				      .settings = findings_on_settings,
				      .descriptor_limit = findings_on_limit,
				      .now = findings_on_now,
				      .context = findings};

	assert_non_null(findings);
	findings->world = world_new(options);
	world_watch_leaks(findings->world, 10 * NS_PER_S);
	findings->now_ns = START_NS;
	findings->limit = PROCESS_LIMIT_DEFAULT;
	findings->watch =
		finding_watch_new(&findings->world->tracker, findings->world->leaks, &hooks);
	assert_non_null(findings->watch);
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
		findings->now_ns += NS_PER_S;
		finding_watch_run(findings->watch);
	}
}

static inline struct event_scan *findings_know(struct findings *findings,
					       const struct event_scan *record)
{
	assert_in_range(findings->known_count, 0, FINDINGS_KNOWN - 1);
	findings->known[findings->known_count] = *record;
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
