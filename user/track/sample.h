/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SAMPLE_H
#define TCPWATCH_SAMPLE_H

#include "track/process_table.h"

/*
 * Counts what happens for the process and, if metrics are served, for the metric group to which the
 * process and the socket's network namespace belong. For processes that are not watched nothing is
 * counted.
 */

/* One that left something when it ended, and was folded into `process` (process_table_fold()). */
struct sample_member {
	struct process *process;
	uint32_t pid;
	uint32_t cgroup; /* as that of struct process */
};

/* A transition; ns is the nanoseconds spent in `from`. DURATION_UNKNOWN is not recorded. */
void sample_transition(struct process *process, uint32_t netns, unsigned int from, unsigned int to,
		       uint64_t ns);

void sample_member_transition(const struct sample_member *member, uint32_t netns, unsigned int from,
			      unsigned int to, uint64_t ns);

/* A connection waited wait_ns nanoseconds for accept(). */
void sample_accept(struct process *process, uint32_t netns, uint64_t wait_ns);

/* A leak was reported. */
void sample_leak(struct process *process, uint32_t netns, enum leak_kind kind);

/* Retransmissions and resets. */
void sample_segments(struct process *process, uint32_t netns, const struct segment_count *count);

/* The metric group of a process's sockets in this namespace; it belongs to process->metrics and is
 * valid until the next call. NULL if no metrics are served or the process is not watched. */
struct metric_group *sample_group(const struct process *process, uint32_t netns);
struct metric_group *sample_member_group(const struct sample_member *member, uint32_t netns);

#endif
