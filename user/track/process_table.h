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

/* What one process did. It is kept until tcpwatch ends, also after the process has exited. */
struct process {
	uint32_t tgid;	   /* 0: several exited processes together, or an unknown process */
	uint64_t start_ns; /* nanoseconds of CLOCK_BOOTTIME */
	char comm[EVENT_COMM_LEN + 1];
	bool watched;	 /* the filter matches it: what it does is counted and shown */
	uint32_t merged; /* how many exited processes were folded into this entry; 0 = it is one */
	uint32_t
		sockets; /* references by sockets, mini-sockets and leaks; it is not freed before */
	uint32_t minis;	 /* those of mini-sockets among them */
	uint32_t ended;	 /* references by sockets that ended (retransmit_table_end()), likewise */
	struct process *folded; /* process_table_fold(): what its mini-sockets belong to now */
	struct histogram *lifetimes[TCP_STATES]; /* in nanoseconds; NULL = none */
	struct histogram *accept_wait; /* in the accept queue, in nanoseconds; NULL = none */
	struct counters *transitions;  /* by process_transition() */
	uint64_t leaks[LEAK_KINDS];    /* reported so far */
	struct segment_count segments; /* retransmissions and resets */
	uint32_t cgroup;	       /* a number that is held in `metrics`; 0 = not known */
	struct metric_groups *metrics; /* where its samples are counted too; NULL = nowhere */
	void *links;		       /* the table's own */
};

/* The number of a transition's counter; in ascending order, they are sorted by `from`, then `to`.
 */
static inline size_t process_transition(unsigned int from, unsigned int to)
{
	return (size_t)from * TCP_STATES + to;
}

_Static_assert(TCP_STATES *TCP_STATES <= COUNTERS_MAX, "each transition has a counter");

struct metric_groups;
struct process_table;

/* The name of the entry for processes whose names are beyond a limit. */
#define PROCESS_OTHER "(other)"

/* When there are this many processes, the exited ones are folded together by name. */
#define PROCESS_TABLE_LIMIT 1024

/* The filter decides which processes are watched; it stays the caller's and must outlive the table.
 * Returns NULL without memory. */
struct process_table *process_table_new(struct filter *filter);

/* Samples of processes that are added from now on, and of the unknown one, are also counted in
 * these groups, which stay the caller's and must outlive the table. */
void process_table_set_metrics(struct process_table *table, struct metric_groups *metrics);

void process_table_free(struct process_table *table);

/*
 * Returns the process of a record. It is created if it is not known, and its name is updated. NULL
 * without memory, or if the process is not visible (tgid 0).
 */
struct process *process_table_get(struct process_table *table, const struct event_task *task);

/* The entry for sockets whose owner is not known. Never NULL. */
struct process *process_table_unknown(struct process_table *table);

/* The process, or that entry if it is NULL. Never NULL. */
static inline struct process *process_table_or_unknown(struct process_table *table,
						       struct process *process)
{
	return process ? process : process_table_unknown(table);
}

/*
 * Folds exited processes together if there are too many processes, and `spare` more. alive(context,
 * tgid) returns whether a process with this pid runs; a process whose pid is used again is kept.
 * Pointers to processes without references become invalid. Returns whether processes were folded
 * that have mini-sockets: then give these to the processes' `folded`, and call
 * process_table_drop().
 */
bool process_table_fold(struct process_table *table, size_t spare,
			bool (*alive)(void *context, uint32_t tgid), void *context);

/* Frees those folded processes that have no mini-sockets any more. */
void process_table_drop(struct process_table *table);

/* The number of processes that are not folded. */
size_t process_table_count(const struct process_table *table);

/* Counts a transition, and records the ns nanoseconds in `from` unless ns is DURATION_UNKNOWN. */
void process_record(struct process *process, unsigned int from, unsigned int to, uint64_t ns);

/* Records the nanoseconds that a connection waited for this process to accept it. */
void process_record_accept(struct process *process, uint64_t wait_ns);

/* Adds retransmissions and resets. */
void process_record_segments(struct process *process, const struct segment_count *count);

/* Walks all processes, then the folded entries, then the unknown one: start with `previous` NULL,
 * ends with NULL. */
struct process *process_table_next(struct process_table *table, struct process *previous);

#endif
