/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_GROUP_H
#define TCPWATCH_METRIC_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "model/finding_id.h"
#include "model/leak_kind.h"
#include "model/metric_labels.h"
#include "model/segment_count.h"
#include "model/tcp_state.h"

/*
 * What is counted for metrics: by group, which is a command name and the labels that were asked
 * for. Groups live on when their processes end, and there are never more than a limit: for a new
 * one the one without sockets and findings that was quiet for longest is added to the group
 * "other"; if there is none, the new one counts there.
 */

/* Upper bounds of the exported histograms, in nanoseconds; the last bucket has none. */
#define METRIC_BOUNDS 14
extern const uint64_t metric_bounds_ns[METRIC_BOUNDS];

/* Counted exactly at these bounds, each duration in one bucket. */
struct metric_histogram {
	uint64_t buckets[METRIC_BOUNDS + 1];
	uint64_t sum_ns; /* saturates at UINT64_MAX */
};

struct metric_key {
	uint8_t comm[EVENT_COMM_LEN];
	uint32_t
		cgroup; /* a number, metric_groups_cgroup(); 0 where not asked for, as the others */
	uint32_t pid;
	uint32_t netns;
};

struct metric_group {
	struct metric_key key;
	bool other; /* the one that the rest is added to */
	uint64_t transitions[TCP_STATES][TCP_STATES];
	struct metric_histogram lifetimes[TCP_STATES];
	struct metric_histogram accept_wait;
	uint64_t leaks[LEAK_KINDS];
	struct segment_count segments;
	/* As of metric_groups_begin(): gauges. */
	uint64_t sockets[TCP_STATES];
	uint64_t leaked[LEAK_KINDS];
	uint64_t findings[FINDINGS]; /* that are open */
	uint64_t oldest_ns; /* when the oldest CLOSE_WAIT began, CLOCK_MONOTONIC; 0 = none */
	uint64_t active_ns; /* when something last happened, CLOCK_MONOTONIC */
	bool held;	    /* had sockets or findings when they were last counted */
	bool exported;	    /* somebody has seen its numbers */
	void *links;	    /* the table's own */
};

struct metric_groups;

/* How long a group stays that has no sockets, findings or events: long enough for several scrapes.
 */
#define METRIC_QUIET_NS (15ULL * 60 * 1000000000)

/* At most `limit` groups besides "other". NULL without memory. */
struct metric_groups *metric_groups_new(const struct metric_labels *labels, size_t limit);
void metric_groups_free(struct metric_groups *groups);

/*
 * The number of the cgroup that a process is in now, held until it is released; 0 where that is not
 * asked for or not known, because the process has ended. Equal paths have equal numbers.
 */
uint32_t metric_groups_cgroup(struct metric_groups *groups, uint32_t tgid);

/* The same of a path. */
uint32_t metric_groups_hold(struct metric_groups *groups, const char *path);

void metric_groups_release(struct metric_groups *groups, uint32_t cgroup);

/* The path of a group's cgroup, "" where not known. Valid as long as the group. */
const char *metric_groups_path(const struct metric_groups *groups,
			       const struct metric_group *group);

/* The time of what is counted from now on; CLOCK_MONOTONIC. */
void metric_groups_set_time(struct metric_groups *groups, uint64_t now_ns);

/*
 * The group of a process's socket, made if need be; "other" where there is no room or no memory for
 * one. Valid until the next call.
 */
struct metric_group *metric_groups_get(struct metric_groups *groups, const struct metric_key *key);

void metric_histogram_record(struct metric_histogram *histogram, uint64_t ns);

/* Empties the gauges, and lets quiet groups go. */
void metric_groups_begin(struct metric_groups *groups);

/* Somebody sees the numbers of all groups now. */
void metric_groups_exported(struct metric_groups *groups);

/* Walks all groups; start with NULL, ends with NULL. "other" comes last. */
struct metric_group *metric_groups_next(struct metric_groups *groups,
					const struct metric_group *previous);

size_t metric_groups_count(const struct metric_groups *groups);

#endif
