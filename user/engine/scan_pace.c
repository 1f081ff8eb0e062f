// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scan_pace.h"

#include "base/units.h"

/* The pause after a scan: `share` times the CPU time that it took, but within these bounds, and
 * until it is paid for. */
struct rhythm {
	uint64_t share;
	uint64_t least_ns, most_ns;
	uint64_t saved_ns; /* the CPU time that may be saved up */
	bool from_begin;   /* the pause is from the beginning of the scan */
};

static const struct rhythm rhythms[SCAN_PURPOSES] = {
	/* No more often than this under losses that go on. */
	[SCAN_LOSSES] = {SCAN_SHARE, 3 * NS_PER_S, UINT64_MAX, 0, false},
	/* A report is to come within a second of its deadline. */
	[SCAN_LEAKS] = {8, 100 * NS_PER_MS, 500 * NS_PER_MS, 1 * NS_PER_S, false},
	/* A finding that several scans must show is to come within 15 s. */
	[SCAN_FINDINGS] = {100, 2 * NS_PER_S, 5 * NS_PER_S, 1 * NS_PER_S, true},
	[SCAN_SUMMARY] = {SCAN_SHARE, 0, UINT64_MAX, 0, false},
	/* 2 ms for each network namespace, and 5 us for each socket in TIME_WAIT. */
	[SCAN_SCRAPE] = {50, 1 * NS_PER_S, UINT64_MAX, 0, false},
};

/* If the last one took longer than this, the next scrape does not wait for one. */
#define SCRAPE_SLOW_NS (10 * NS_PER_MS)

/* Looks of the findings may take a two-hundredth of one CPU. Where they are dear they still come
 * often enough for a finding that two of them must show to come within 15 s. */
#define LOOK_SHARE	200
#define LOOK_PAUSE	(1 * NS_PER_S)
#define LOOK_PAUSE_MOST (3 * NS_PER_S)

static void spend(struct scan_pace *pace, const struct scan_job *job, uint64_t now_ns)
{
	uint64_t saved_ns = rhythms[job->purpose].saved_ns * SCAN_SHARE;
	uint64_t least_ns = now_ns > saved_ns ? now_ns - saved_ns : 0;
	uint64_t *paid_at_ns = &pace->paid_at_ns[job->purpose];

	if (*paid_at_ns < least_ns)
		*paid_at_ns = least_ns;
	*paid_at_ns += job->cpu_ns * SCAN_SHARE;
}

void scan_pace_ended(struct scan_pace *pace, const struct scan_job *job, uint64_t now_ns)
{
	const struct rhythm *rhythm = &rhythms[job->purpose];
	uint64_t *not_before_ns = &pace->not_before_ns[job->purpose];
	uint64_t pause_ns = job->cpu_ns * rhythm->share;

	if (pause_ns < rhythm->least_ns)
		pause_ns = rhythm->least_ns;
	if (pause_ns > rhythm->most_ns)
		pause_ns = rhythm->most_ns;
	*not_before_ns = (rhythm->from_begin ? job->began_ns : now_ns) + pause_ns;
	spend(pace, job, now_ns);
	if (*not_before_ns < pace->paid_at_ns[job->purpose])
		*not_before_ns = pace->paid_at_ns[job->purpose];
	if (job->purpose == SCAN_SCRAPE)
		pace->scrape_slow = job->cpu_ns > SCRAPE_SLOW_NS;
}

void scan_pace_learn(struct scan_pace *pace, const struct scan_result *result)
{
	if (result->descriptors_ns)
		pace->descriptors_ns = result->descriptors_ns;
	if (result->seen_count && result->tables_ns)
		pace->table_ns = result->tables_ns / result->seen_count;
}

void scan_pace_choose(const struct scan_pace *pace, struct scan_request *request)
{
	const struct netns_set *wanted = &request->listeners;
	size_t more = 0;

	if (request->all_tables)
		return;
	for (size_t i = 0; i < wanted->count; i++)
		more += !netns_set_has(&request->tables, wanted->items[i]);
	if (wanted->all)
		more = NETNS_SET_LIMIT;
	if (!more)
		return;
	if (request->descriptors || pace->descriptors_ns < more * pace->table_ns)
		request->descriptors = true;
	else
		netns_set_add_set(&request->tables, wanted);
}

uint64_t scan_pace_look(uint64_t cpu_ns)
{
	uint64_t pause_ns = cpu_ns * LOOK_SHARE;

	if (pause_ns < LOOK_PAUSE)
		return LOOK_PAUSE;
	return pause_ns < LOOK_PAUSE_MOST ? pause_ns : LOOK_PAUSE_MOST;
}
