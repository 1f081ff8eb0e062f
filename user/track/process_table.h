/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PROCESS_TABLE_H
#define TCPWATCH_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "base/histogram.h"
#include "model/leak_kind.h"
#include "model/segment_count.h"
#include "model/tcp_state.h"
#include "track/filter.h"

/* What one process did, kept until the end, also after its death. */
struct process {
	uint32_t tgid;	   /* 0: not one living or dead process, but several or an unknown one */
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	char comm[EVENT_COMM_LEN + 1];
	bool watched;
	uint32_t merged;  /* how many dead processes were folded into this entry; 0 for a single one
			   */
	uint32_t sockets; /* open ones and mini-sockets that point here; not freed before they are
			     gone */
	uint32_t ended;	  /* sockets that ended last (track/retransmit.h), likewise */
	struct histogram *lifetimes[TCP_STATES]; /* NULL = none */
	struct histogram *accept_wait;		 /* in the accept queue; NULL = none */
	uint64_t (*transitions)[TCP_STATES];	 /* [from][to]; NULL = none */
	uint64_t leaks[LEAK_KINDS];		 /* reported so far */
	struct segment_count segments;		 /* sent again, and resets */
	uint32_t cgroup;			 /* held in `metrics`; 0 = not asked for */
	struct metric_groups *metrics;		 /* where its samples count too; NULL = nowhere */
	void *links;				 /* the table's own */
};

struct metric_groups;
struct process_table;

/* The most single processes that are kept; beyond it the dead ones are folded together by name. */
#define PROCESS_TABLE_LIMIT 1024

/* `watched` decides on new processes and new names; it must outlive the table. NULL without memory.
 */
struct process_table *process_table_new(struct filter *filter);

/* The processes that come from now on, and the unknown one, also count in these groups. */
void process_table_set_metrics(struct process_table *table, struct metric_groups *metrics);

void process_table_free(struct process_table *table);

/*
 * The process of a record, created or given its new name if need be. NULL without memory or where
 * the record names none (tgid 0).
 */
struct process *process_table_get(struct process_table *table, const struct event_task *task);

/* The entry for what has no known owner. Never NULL. */
struct process *process_table_unknown(struct process_table *table);

/* The process, or that entry where there is none. Never NULL. */
static inline struct process *process_table_or_unknown(struct process_table *table,
						       struct process *process)
{
	return process ? process : process_table_unknown(table);
}

/*
 * Folds dead processes if there are too many. alive(context, tgid) tells which are dead; one whose
 * pid is in use again stays. Pointers to processes without sockets become invalid.
 */
void process_table_fold(struct process_table *table, bool (*alive)(void *context, uint32_t tgid),
			void *context);

/* Adds one sample: the transition is counted; ns may be DURATION_UNKNOWN, which is never recorded.
 */
void process_record(struct process *process, unsigned int from, unsigned int to, uint64_t ns);

/* Adds the time that a connection waited for this process to accept it. */
void process_record_accept(struct process *process, uint64_t wait_ns);

/* Adds what segments told of trouble. */
void process_record_segments(struct process *process, const struct segment_count *count);

/* Walks all processes, then the folded ones, then the unknown one; start with NULL, ends with NULL.
 */
struct process *process_table_next(struct process_table *table, struct process *previous);

#endif
