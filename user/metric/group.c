// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric/group.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/hash.h"
#include "metric/cgroup_table.h"
#include "base/units.h"
#include "base/utf8.h"

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
	struct entry *prev, *next; /* in `quiet`, if listed */
	bool listed;
};

struct metric_groups {
	struct metric_labels labels;
	size_t limit;
	uint64_t now_ns;
	struct entry *table;
	struct entry *quiet; /* candidates for eviction, the one without events for longest first;
				some have sockets */
	struct entry other;
	struct cgroup_table *cgroups; /* NULL without the label */
	struct entry *last;	      /* the one that was looked up last; NULL = none */
	struct metric_key last_key;   /* the key of that look-up */
};

struct metric_groups *metric_groups_new(const struct metric_labels *labels, size_t limit)
{
	struct metric_groups *groups = calloc(1, sizeof(*groups));

	if (!groups)
		return NULL;
	if (labels->cgroup) {
		groups->cgroups = cgroup_table_new();
		if (!groups->cgroups) {
			free(groups);
			return NULL;
		}
	}
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
	cgroup_table_free(groups->cgroups);
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

static void list_add(struct metric_groups *groups, struct entry *entry)
{
	DL_APPEND(groups->quiet, entry);
	entry->listed = true;
}

static void list_remove(struct metric_groups *groups, struct entry *entry)
{
	if (entry->listed)
		DL_DELETE(groups->quiet, entry);
	entry->listed = false;
}

static void entry_remove(struct metric_groups *groups, struct entry *entry)
{
	list_remove(groups, entry);
	if (groups->last == entry)
		groups->last = NULL;
	HASH_DEL(groups->table, entry);
	if (entry->group.key.cgroup)
		cgroup_table_release(groups->cgroups, entry->group.key.cgroup);
	free(entry);
}

static bool is_used(const struct metric_group *group)
{
	for (int i = 0; i < TCP_STATES; i++)
		if (group->sockets[i])
			return true;
	for (int i = 0; i < FINDINGS; i++)
		if (group->findings[i])
			return true;
	return false;
}

/*
 * Evicts the group without sockets and findings that had no event for longest: it is counted in
 * "other" from now on. A group with any is never evicted, or two groups could evict each other
 * again and again; it is not in the list until the gauges are filled again. Returns whether there
 * is room.
 */
static bool evict(struct metric_groups *groups)
{
	struct entry *entry;

	while ((entry = groups->quiet)) {
		if (!entry->group.held && !is_used(&entry->group)) {
			group_add(&groups->other.group, &entry->group);
			entry_remove(groups, entry);
			return true;
		}
		list_remove(groups, entry);
	}
	return false;
}

/* Bytes that a label shows as the same U+FFFD become the same byte, because they would make the
 * same series. */
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

/* The part of a key that the labels show. */
static struct metric_key key_of(const struct metric_groups *groups, const struct metric_key *key)
{
	struct metric_key kept = {0};

	memcpy(kept.comm, key->comm, strnlen((const char *)key->comm, sizeof(kept.comm)));
	comm_unify(kept.comm);
	/* A process with a pid that was used before is counted in the same group: it would be the
	 * same series. */
	if (groups->labels.pid)
		kept.pid = key->pid;
	if (groups->cgroups)
		kept.cgroup = key->cgroup;
	if (groups->labels.netns)
		kept.netns = key->netns;
	return kept;
}

uint32_t metric_groups_cgroup(struct metric_groups *groups, uint32_t tgid)
{
	char path[CGROUP_PATH_LEN];

	if (!groups->cgroups || cgroup_path_read(tgid, path))
		return 0;
	return metric_groups_hold(groups, path);
}

uint32_t metric_groups_hold(struct metric_groups *groups, const char *path)
{
	return groups->cgroups ? cgroup_table_hold(groups->cgroups, path) : 0;
}

void metric_groups_hold_number(struct metric_groups *groups, uint32_t cgroup)
{
	if (groups->cgroups)
		cgroup_table_hold_number(groups->cgroups, cgroup);
}

void metric_groups_release(struct metric_groups *groups, uint32_t cgroup)
{
	if (groups->cgroups)
		cgroup_table_release(groups->cgroups, cgroup);
}

const char *metric_groups_path(const struct metric_groups *groups, const struct metric_group *group)
{
	return groups->cgroups ? cgroup_table_path(groups->cgroups, group->key.cgroup) : "";
}

void metric_groups_set_time(struct metric_groups *groups, uint64_t now_ns)
{
	groups->now_ns = now_ns;
}

static struct entry *entry_add(struct metric_groups *groups, const struct metric_key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->group.key = *key;
	entry->group.links = entry;
	HASH_ADD(hh, groups->table, group.key, sizeof(*key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	if (key->cgroup)
		cgroup_table_hold_number(groups->cgroups, key->cgroup);
	list_add(groups, entry);
	return entry;
}

/* An event is counted in the group: it becomes the last candidate for eviction. */
static void touch(struct metric_groups *groups, struct entry *entry)
{
	entry->group.active_ns = groups->now_ns;
	if (!entry->listed || !entry->next)
		return;
	list_remove(groups, entry);
	list_add(groups, entry);
}

struct metric_group *metric_groups_get(struct metric_groups *groups, const struct metric_key *key)
{
	struct metric_key kept;
	struct entry *entry;

	if (groups->last && !memcmp(key, &groups->last_key, sizeof(*key))) {
		touch(groups, groups->last);
		return &groups->last->group;
	}
	kept = key_of(groups, key);
	/* A command of the name "other" would make the same series. */
	if (!memcmp(&kept, &groups->other.group.key, sizeof(kept)))
		return &groups->other.group;
	HASH_FIND(hh, groups->table, &kept, sizeof(kept), entry);
	if (!entry) {
		if (!groups->limit ||
		    (HASH_COUNT(groups->table) >= groups->limit && !evict(groups)))
			return &groups->other.group;
		entry = entry_add(groups, &kept);
		if (!entry)
			return &groups->other.group;
	}
	touch(groups, entry);
	groups->last = entry;
	groups->last_key = *key;
	return &entry->group;
}

static void gauges_clear(struct metric_group *group)
{
	memset(group->sockets, 0, sizeof(group->sockets));
	memset(group->leaked, 0, sizeof(group->leaked));
	memset(group->findings, 0, sizeof(group->findings));
	group->oldest_ns = 0;
}

void metric_groups_begin(struct metric_groups *groups)
{
	struct entry *entry, *next;

	gauges_clear(&groups->other.group);
	HASH_ITER (hh, groups->table, entry, next) {
		struct metric_group *group = &entry->group;

		group->held = is_used(group);
		gauges_clear(group);
		if (group->held || group->active_ns + METRIC_QUIET_NS >= groups->now_ns)
			continue;
		/* Counts that no page had yet must not be lost; counts that a page had would be
		 * counted twice. */
		if (!group->exported)
			group_add(&groups->other.group, group);
		entry_remove(groups, entry);
	}
}

static int by_activity(const struct entry *a, const struct entry *b)
{
	if (a->group.active_ns == b->group.active_ns)
		return 0;
	return a->group.active_ns < b->group.active_ns ? -1 : 1;
}

void metric_groups_exported(struct metric_groups *groups)
{
	struct entry *entry, *next;
	bool added = false;

	HASH_ITER (hh, groups->table, entry, next) {
		entry->group.exported = true;
		entry->group.held = false; /* the gauges say it now */
		if (entry->listed || is_used(&entry->group))
			continue;
		list_add(groups, entry);
		added = true;
	}
	if (added)
		DL_SORT(groups->quiet, by_activity);
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
