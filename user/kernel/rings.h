/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RINGS_H
#define TCPWATCH_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/ring_plan.h"
#include "model/options.h"
#include "model/source.h"

struct tcpwatch;

/* The rings that the BPF programs write records to (bpf/ring.bpf.h), and what each CPU counts. */
struct rings;

/* How the rings are made on this host. */
struct ring_plan rings_plan(const struct options *options);

/* Sets the sizes in a skeleton that is not loaded yet. Returns 0 or a negative errno. */
int rings_configure(struct tcpwatch *skeleton, const struct options *options);

/*
 * Makes the rings of a skeleton that is loaded but not attached yet: a CPU must not get its lane
 * while its programs run. The skeleton stays the caller's, and must live longer. Returns 0, or a
 * negative errno with *rings untouched.
 */
int rings_new(struct rings **rings, const struct tcpwatch *skeleton, const struct options *options);
/* NULL is allowed. */
void rings_free(struct rings *rings);

/* Adds all rings to an epoll descriptor: readable when they must be drained before the timer.
 * Returns 0 or a negative errno. */
int rings_watch(const struct rings *rings, int epoll_fd);

/* As source_ops.drain(); the end is a time of CLOCK_MONOTONIC. */
int rings_drain(struct rings *rings, struct source_bound *bound, source_sink sink, void *context);

/* As source_ops.rest(). */
bool rings_rest(struct rings *rings);

/* Passes over all records that are there. Returns how many. */
uint64_t rings_discard(struct rings *rings);

/* Returns the sums of what the CPUs have counted. */
struct event_cpu rings_counts(const struct rings *rings);

#endif
