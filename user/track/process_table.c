// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/process_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "metric/group.h"
#include "track/socket_table.h"

/* The most names under which exited processes are folded; further ones are added to "(other)". */
#define FOLD_LIMIT 256

struct key {
	uint64_t start_ns;
	uint32_t tgid;
	uint32_t zero;
};

struct entry {
	struct process process;
	struct key key;
	UT_hash_handle hh;
	struct entry *next; /* of those to be dropped */
};

/* So many processes are found without a hash, which takes longer than all the rest. */
#define LATELY 32

struct process_table {
	struct filter *filter;
	struct metric_groups *metrics;
	struct entry *single; /* by key */
	struct entry *folded; /* by comm */
	struct entry *drop;   /* folded, but their mini-sockets may still point to them */
	struct entry unknown;
	struct entry other;
	struct entry unwatched;	      /* for what unwatched processes have left; never shown */
	size_t fold_at;		      /* the number of single processes at which to fold them */
	struct entry *lately[LATELY]; /* that were looked up last, by tgid */
};

struct process_table *process_table_new(struct filter *filter)
{
	struct process_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->filter = filter;
	table->fold_at = PROCESS_TABLE_LIMIT;
	memcpy(table->unknown.process.comm, "(unknown)", sizeof("(unknown)"));
	memcpy(table->other.process.comm, PROCESS_OTHER, sizeof(PROCESS_OTHER));
	table->unknown.process.watched = !filter_is_selective(filter);
	table->other.process.watched = true;
	table->unknown.process.links = &table->unknown;
	table->other.process.links = &table->other;
	return table;
}

void process_table_set_metrics(struct process_table *table, struct metric_groups *metrics)
{
	table->metrics = metrics;
	table->unknown.process.metrics = metrics;
	table->other.process.metrics = metrics;
	table->unwatched.process.metrics = metrics;
}

static void free_histogram(struct histogram *histogram)
{
	if (histogram)
		histogram_clear(histogram);
	free(histogram);
}

static void process_clear(struct process *process)
{
	for (int i = 0; i < TCP_STATES; i++)
		free_histogram(process->lifetimes[i]);
	free_histogram(process->accept_wait);
	counters_free(process->transitions);
	if (process->cgroup)
		metric_groups_release(process->metrics, process->cgroup);
}

void process_table_free(struct process_table *table)
{
	struct entry *entry, *next;

	if (!table)
		return;
	HASH_ITER (hh, table->single, entry, next) {
		HASH_DEL(table->single, entry);
		process_clear(&entry->process);
		free(entry);
	}
	HASH_ITER (hh, table->folded, entry, next) {
		HASH_DEL(table->folded, entry);
		process_clear(&entry->process);
		free(entry);
	}
	while ((entry = table->drop)) {
		table->drop = entry->next;
		process_clear(&entry->process);
		free(entry);
	}
	process_clear(&table->unknown.process);
	process_clear(&table->other.process);
	free(table);
}

static bool is_watched(const struct process_table *table, const struct process *process)
{
	return filter_has_process(table->filter, process->tgid, process->start_ns, process->comm);
}

static void process_name(struct process *process, const struct event_task *task)
{
	memcpy(process->comm, task->comm, EVENT_COMM_LEN);
	process->comm[EVENT_COMM_LEN] = '\0';
}

static struct entry *entry_new(struct process_table *table, const struct event_task *task,
			       const struct key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = *key;
	entry->process.tgid = task->tgid;
	entry->process.start_ns = task->start_ns;
	entry->process.metrics = table->metrics;
	if (table->metrics)
		entry->process.cgroup = metric_groups_cgroup(table->metrics, task->tgid);
	entry->process.links = entry;
	HASH_ADD(hh, table->single, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		process_clear(&entry->process);
		free(entry);
		return NULL;
	}
	process_name(&entry->process, task);
	entry->process.watched = is_watched(table, &entry->process);
	return entry;
}

struct process *process_table_get(struct process_table *table, const struct event_task *task)
{
	struct key key = {.start_ns = task->start_ns, .tgid = task->tgid};
	struct entry **lately = &table->lately[task->tgid % LATELY], *entry = *lately;

	if (!task->tgid)
		return NULL;
	if (!entry || entry->key.tgid != key.tgid || entry->key.start_ns != key.start_ns) {
		HASH_FIND(hh, table->single, &key, sizeof(key), entry);
		if (!entry)
			entry = entry_new(table, task, &key);
		if (!entry)
			return NULL;
		*lately = entry;
	}
	/* Mostly even the bytes behind the name are the same. */
	if (memcmp(entry->process.comm, task->comm, EVENT_COMM_LEN) &&
	    strncmp(entry->process.comm, (const char *)task->comm, EVENT_COMM_LEN)) {
		process_name(&entry->process, task);
		/* Only a selection by name depends on it. */
		if (filter_has_names(table->filter))
			entry->process.watched = is_watched(table, &entry->process);
	}
	return &entry->process;
}

void process_table_exited(struct process_table *table, const struct event_exit *e)
{
	const struct key key = {.start_ns = e->task.start_ns, .tgid = e->task.tgid};
	struct entry *entry;

	HASH_FIND(hh, table->single, &key, sizeof(key), entry);
	if (entry && !entry->process.ended_ns)
		entry->process.ended_ns = e->time_ns;
}

struct process *process_table_unknown(struct process_table *table)
{
	return &table->unknown.process;
}

static struct process *fold_target(struct process_table *table, const char *comm)
{
	struct entry *entry;

	HASH_FIND_STR(table->folded, comm, entry);
	if (entry)
		return &entry->process;
	if (HASH_COUNT(table->folded) >= FOLD_LIMIT)
		return &table->other.process;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return &table->other.process;
	memcpy(entry->process.comm, comm, sizeof(entry->process.comm));
	entry->process.watched = true;
	entry->process.metrics = table->metrics;
	entry->process.links = entry;
	HASH_ADD_STR(table->folded, process.comm, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return &table->other.process;
	}
	return &entry->process;
}

static void fold_histogram(struct histogram **to, struct histogram **from)
{
	if (!*from)
		return;
	if (*to) {
		histogram_merge(*to, *from);
	} else {
		*to = *from;
		*from = NULL;
	}
}

static void process_fold(struct process *to, struct process *from)
{
	for (int i = 0; i < TCP_STATES; i++)
		fold_histogram(&to->lifetimes[i], &from->lifetimes[i]);
	fold_histogram(&to->accept_wait, &from->accept_wait);
	counters_merge(&to->transitions, from->transitions);
	for (int i = 0; i < LEAK_KINDS; i++)
		to->leaks[i] += from->leaks[i];
	to->idle += from->idle;
	segment_count_add(&to->segments, &from->segments);
	to->merged++;
}

static void entry_fold(struct process_table *table, struct entry *entry)
{
	struct process *process = &entry->process;

	process->folded = &table->unwatched.process;
	if (process->watched) {
		process->folded = fold_target(table, process->comm);
		process_fold(process->folded, process);
	}
	HASH_DEL(table->single, entry);
	entry->next = table->drop;
	table->drop = entry;
}

void process_table_drop(struct process_table *table)
{
	struct entry **link = &table->drop;

	while (*link) {
		struct entry *entry = *link;

		if (entry->process.minis) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		process_clear(&entry->process);
		free(entry);
	}
}

size_t process_table_count(const struct process_table *table)
{
	return HASH_COUNT(table->single);
}

bool process_table_fold(struct process_table *table, size_t spare,
			bool (*alive)(void *context, uint32_t tgid), void *context)
{
	struct entry *entry, *next;

	if (HASH_COUNT(table->single) < table->fold_at + spare)
		return false;
	HASH_ITER (hh, table->single, entry, next) {
		const struct process *process = &entry->process;

		if (process->sockets == process->minis && !process->ended &&
		    !alive(context, process->tgid))
			entry_fold(table, entry);
	}
	process_table_drop(table);
	memset(table->lately, 0, sizeof(table->lately));
	/* The next pass is after twice as many processes, so that its cost per process stays
	 * constant. */
	table->fold_at = (size_t)HASH_COUNT(table->single) * 2;
	if (table->fold_at < PROCESS_TABLE_LIMIT)
		table->fold_at = PROCESS_TABLE_LIMIT;
	return table->drop;
}

static void record_in(struct histogram **histogram, uint64_t ns)
{
	if (!*histogram)
		*histogram = calloc(1, sizeof(**histogram));
	if (!*histogram)
		return;
	histogram_record(*histogram, ns);
	if (!(*histogram)->count) { /* no memory */
		free(*histogram);
		*histogram = NULL;
	}
}

void process_record(struct process *process, unsigned int from, unsigned int to, uint64_t ns)
{
	if (!process->watched)
		return;
	counters_add(&process->transitions, process_transition(from, to), 1);
	if (ns != DURATION_UNKNOWN)
		record_in(&process->lifetimes[from], ns);
}

void process_record_accept(struct process *process, uint64_t wait_ns)
{
	if (process->watched)
		record_in(&process->accept_wait, wait_ns);
}

void process_record_segments(struct process *process, const struct segment_count *count)
{
	if (process->watched)
		segment_count_add(&process->segments, count);
}

struct process *process_table_next(struct process_table *table, struct process *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	if (entry == &table->unknown)
		return NULL;
	if (entry == &table->other)
		return &table->unknown.process;
	if (!entry && table->single)
		return &table->single->process;
	if (entry && entry->hh.next)
		return &((struct entry *)entry->hh.next)->process;
	/* At the end of one table the walk continues with the next. */
	if (table->folded && (!entry || !entry->process.merged))
		return &table->folded->process;
	return &table->other.process;
}
