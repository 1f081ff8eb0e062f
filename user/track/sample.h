/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SAMPLE_H
#define TCPWATCH_SAMPLE_H

#include "track/process_table.h"

/*
 * What is counted: for the process, and, where metrics are served, for the group that the process
 * and the socket's network namespace belong to. Processes that are not watched count nothing.
 */

/* A transition; ns is the time spent in `from`, or DURATION_UNKNOWN, which is never recorded. */
void sample_transition(struct process *process, uint32_t netns, unsigned int from, unsigned int to,
		       uint64_t ns);

/* A connection waited this long for accept(). */
void sample_accept(struct process *process, uint32_t netns, uint64_t wait_ns);

/* A leak was reported. */
void sample_leak(struct process *process, uint32_t netns, enum leak_kind kind);

/* Segments told of trouble. */
void sample_segments(struct process *process, uint32_t netns, const struct segment_count *count);

/* The group of a process's sockets in this namespace; NULL where no metrics are served, or the
 * process is not watched. */
struct metric_group *sample_group(const struct process *process, uint32_t netns);

#endif
