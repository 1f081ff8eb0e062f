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
 * Metrics are counted by group, which is a command name and the labels of --label. A group is kept
 * when its processes exit. The number of groups is limited: for a new group, the group without
 * sockets and findings that had no event for longest is added to the group "other". If there is no
 * such group, the new one is counted in "other".
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */

/* The upper bounds of the exported histograms, in nanoseconds; the last bucket has none. */
#define METRIC_BOUNDS 14
extern const uint64_t metric_bounds_ns[METRIC_BOUNDS];

/* A histogram with exactly these bounds. Each duration is counted in one bucket. */
struct metric_histogram {
	uint64_t buckets[METRIC_BOUNDS + 1];
	uint64_t sum_ns; /* saturates at UINT64_MAX */
};

struct metric_key {
	uint8_t comm[EVENT_COMM_LEN];
	uint32_t cgroup; /* metric_groups_cgroup(); 0 without that label, as below */
	uint32_t pid;
	uint32_t netns; /* inode number */
};

struct metric_group {
	struct metric_key key;
	bool other; /* it is the group "other" */
	uint64_t transitions[TCP_STATES][TCP_STATES];
	struct metric_histogram lifetimes[TCP_STATES];
	struct metric_histogram accept_wait;
	uint64_t leaks[LEAK_KINDS];
	struct segment_count segments;
	/* Gauges, which the caller fills after metric_groups_begin(). */
	uint64_t sockets[TCP_STATES];
	uint64_t leaked[LEAK_KINDS];
	uint64_t findings[FINDINGS]; /* open ones */
	uint64_t oldest_ns;	     /* when the oldest socket in CLOSE_WAIT entered it; 0 = none */
	uint64_t active_ns;	     /* when the last event was counted */
	bool held;		     /* it had sockets or findings when they were last counted */
	bool exported;		     /* a page with its current counts was served */
	void *links;		     /* the table's own */
};

struct metric_groups;

/* How long a group without sockets, findings and events is kept, in nanoseconds: long enough for
 * several scrapes. */
#define METRIC_QUIET_NS (15ULL * 60 * 1000000000)

/* `limit` is the most groups besides "other". *labels is copied. Returns NULL without memory. */
struct metric_groups *metric_groups_new(const struct metric_labels *labels, size_t limit);
void metric_groups_free(struct metric_groups *groups);

/*
 * Returns the number of the cgroup that a process is in now, which is held until
 * metric_groups_release(). 0 without the label, or if the process has exited. Equal paths have
 * equal numbers.
 */
uint32_t metric_groups_cgroup(struct metric_groups *groups, uint32_t tgid);

/* Returns the number of the cgroup with this path, likewise. */
uint32_t metric_groups_hold(struct metric_groups *groups, const char *path);

/* Holds a number that is held already, once more. 0 is allowed. */
void metric_groups_hold_number(struct metric_groups *groups, uint32_t cgroup);

/* Releases a number. 0 is allowed. */
void metric_groups_release(struct metric_groups *groups, uint32_t cgroup);

/* The path of a group's cgroup, "" if not known. Valid as long as the group. */
const char *metric_groups_path(const struct metric_groups *groups,
			       const struct metric_group *group);

/* Sets the time of the events that are counted from now on. */
void metric_groups_set_time(struct metric_groups *groups, uint64_t now_ns);

/*
 * Returns the group of a socket, which is created if there is none; "other" if there are too many
 * groups, and without memory. Never NULL. Valid until the next call.
 */
struct metric_group *metric_groups_get(struct metric_groups *groups, const struct metric_key *key);

/* Counts one duration in nanoseconds. */
void metric_histogram_record(struct metric_histogram *histogram, uint64_t ns);

/* Sets all gauges to 0, and removes groups that were quiet for METRIC_QUIET_NS. */
void metric_groups_begin(struct metric_groups *groups);

/* A page with the numbers of all groups is served now. */
void metric_groups_exported(struct metric_groups *groups);

/* Walks all groups: start with `previous` NULL, ends with NULL. "other" is the last one. */
struct metric_group *metric_groups_next(struct metric_groups *groups,
					const struct metric_group *previous);

/* The number of groups besides "other". */
size_t metric_groups_count(const struct metric_groups *groups);

#endif
