// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric_group.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "units.h"
#include "utf8.h"

/* RFC 9293 and the kernel's timers: 60 s is TIME_WAIT, 127 s the SYNs of a connect(), 925 s the
 * retransmissions of data, 7200 s the wait before keepalive. */
const uint64_t metric_bounds_ns[METRIC_BOUNDS] = {
	10 * NS_PER_US, 100 * NS_PER_US, 1 * NS_PER_MS,	   10 * NS_PER_MS,    100 * NS_PER_MS,
	1 * NS_PER_S,	10 * NS_PER_S,	 60 * NS_PER_S,	   127 * NS_PER_S,    300 * NS_PER_S,
	925 * NS_PER_S, 7200 * NS_PER_S, 86400 * NS_PER_S, 604800 * NS_PER_S,
};

struct entry {
	struct metric_group group;
	UT_hash_handle hh;
};

struct metric_groups {
	struct metric_labels labels;
	size_t limit;
	uint64_t now_ns;
	struct entry *table;
	struct entry other;
};

struct metric_groups *metric_groups_new(const struct metric_labels *labels, size_t limit)
{
	struct metric_groups *groups = calloc(1, sizeof(*groups));

	if (!groups)
		return NULL;
	groups->labels = *labels;
	groups->limit = limit;
	groups->other.group.other = true;
	groups->other.group.links = &groups->other;
	memcpy(groups->other.group.key.comm, "other", sizeof("other"));
	return groups;
}

void metric_groups_free(struct metric_groups *groups)
{
	struct entry *entry, *next;

	if (!groups)
		return;
	HASH_ITER (hh, groups->table, entry, next) {
		HASH_DEL(groups->table, entry);
		free(entry);
	}
	free(groups);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void metric_histogram_record(struct metric_histogram *histogram, uint64_t ns)
{
	size_t bucket = 0;

	while (bucket < METRIC_BOUNDS && ns > metric_bounds_ns[bucket])
		bucket++;
	histogram->buckets[bucket]++;
	histogram->sum_ns = add_saturated(histogram->sum_ns, ns);
}

static void histogram_add(struct metric_histogram *to, const struct metric_histogram *from)
{
	for (size_t i = 0; i <= METRIC_BOUNDS; i++)
		to->buckets[i] += from->buckets[i];
	to->sum_ns = add_saturated(to->sum_ns, from->sum_ns);
}

static void group_add(struct metric_group *to, const struct metric_group *from)
{
	for (int i = 0; i < TCP_STATES; i++) {
		for (int j = 0; j < TCP_STATES; j++)
			to->transitions[i][j] += from->transitions[i][j];
		histogram_add(&to->lifetimes[i], &from->lifetimes[i]);
	}
	histogram_add(&to->accept_wait, &from->accept_wait);
	for (int i = 0; i < LEAK_KINDS; i++)
		to->leaks[i] += from->leaks[i];
	segment_count_add(&to->segments, &from->segments);
	to->exported = false;
}

static void entry_remove(struct metric_groups *groups, struct entry *entry)
{
	HASH_DEL(groups->table, entry);
	free(entry);
}

static bool has_sockets(const struct metric_group *group)
{
	for (int i = 0; i < TCP_STATES; i++)
		if (group->sockets[i])
			return true;
	return false;
}

/*
 * Makes room: of those without sockets, the group that was quiet for longest is counted in "other"
 * from now on. One with sockets is never put out, or two would put out each other again and again.
 */
static bool evict(struct metric_groups *groups)
{
	struct entry *entry, *next, *quietest = NULL;

	HASH_ITER (hh, groups->table, entry, next)
		if (!entry->group.held && !has_sockets(&entry->group) &&
		    (!quietest || entry->group.active_ns < quietest->group.active_ns))
			quietest = entry;
	if (!quietest)
		return false;
	group_add(&groups->other.group, &quietest->group);
	entry_remove(groups, quietest);
	return true;
}

/* Bytes that a label shows as the same U+FFFD become the same byte: they would be the same series.
 */
static void comm_unify(uint8_t comm[EVENT_COMM_LEN])
{
	char text[EVENT_COMM_LEN + 1] = {0};
	size_t length;

	memcpy(text, comm, EVENT_COMM_LEN);
	for (size_t i = 0; text[i]; i += length) {
		length = utf8_sequence(text + i);
		if (length)
			continue;
		comm[i] = 0xff;
		length = 1;
	}
}

/* The part of a key that the labels ask for. */
static struct metric_key key_of(const struct metric_groups *groups, const struct metric_key *key)
{
	struct metric_key kept = {0};

	memcpy(kept.comm, key->comm, strnlen((const char *)key->comm, sizeof(kept.comm)));
	comm_unify(kept.comm);
	/* A pid that is given again counts on: the two would be the same series. */
	if (groups->labels.pid)
		kept.pid = key->pid;
	if (groups->labels.cgroup)
		kept.cgroup = key->cgroup;
	if (groups->labels.netns)
		kept.netns = key->netns;
	return kept;
}

uint64_t metric_groups_cgroup(const struct metric_groups *groups, uint32_t tgid)
{
	return groups->labels.cgroup ? cgroup_of_process(tgid) : 0;
}

void metric_groups_set_time(struct metric_groups *groups, uint64_t now_ns)
{
	groups->now_ns = now_ns;
}

struct metric_group *metric_groups_get(struct metric_groups *groups, const struct metric_key *key)
{
	struct metric_key kept = key_of(groups, key);
	struct entry *entry;

	/* A command of that name: the same series. */
	if (!memcmp(&kept, &groups->other.group.key, sizeof(kept)))
		return &groups->other.group;
	HASH_FIND(hh, groups->table, &kept, sizeof(kept), entry);
	if (entry) {
		entry->group.active_ns = groups->now_ns;
		return &entry->group;
	}
	if (!groups->limit || (HASH_COUNT(groups->table) >= groups->limit && !evict(groups)))
		return &groups->other.group;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return &groups->other.group;
	entry->group.key = kept;
	entry->group.active_ns = groups->now_ns;
	entry->group.links = entry;
	if (groups->labels.cgroup)
		cgroup_names_find(&entry->group.cgroup, kept.cgroup);
	HASH_ADD(hh, groups->table, group.key, sizeof(kept), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return &groups->other.group;
	}
	return &entry->group;
}

static void gauges_clear(struct metric_group *group)
{
	memset(group->sockets, 0, sizeof(group->sockets));
	memset(group->leaked, 0, sizeof(group->leaked));
	group->oldest_ns = 0;
}

void metric_groups_begin(struct metric_groups *groups)
{
	struct entry *entry, *next;

	gauges_clear(&groups->other.group);
	HASH_ITER (hh, groups->table, entry, next) {
		struct metric_group *group = &entry->group;

		group->held = has_sockets(group);
		gauges_clear(group);
		if (group->held || group->active_ns + METRIC_QUIET_NS >= groups->now_ns)
			continue;
		/* What nobody has seen yet is not lost; what was seen would be counted twice. */
		if (!group->exported)
			group_add(&groups->other.group, group);
		entry_remove(groups, entry);
	}
}

void metric_groups_exported(struct metric_groups *groups)
{
	struct entry *entry, *next;

	HASH_ITER (hh, groups->table, entry, next) {
		entry->group.exported = true;
		entry->group.held = false; /* its sockets are counted */
	}
}

struct metric_group *metric_groups_next(struct metric_groups *groups,
					const struct metric_group *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	if (entry == &groups->other)
		return NULL;
	entry = entry ? entry->hh.next : groups->table;
	return entry ? &entry->group : &groups->other.group;
}

size_t metric_groups_count(const struct metric_groups *groups)
{
	return HASH_COUNT(groups->table);
}
