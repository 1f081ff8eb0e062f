/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_PLAN_H
#define TCPWATCH_RING_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * How the memory of --ring-size is divided: a ring for each CPU, its lane, and rings that all CPUs
 * share, for what a lane has no room for. Sizes are in bytes, and powers of two, as the kernel
 * wants them. So several shared rings are needed to use nearly all of the memory.
 */
struct ring_plan {
	uint32_t lanes;
	uint32_t lane_size;			   /* 0 if there are no lanes */
	uint32_t shared;			   /* how many; at least 1 */
	uint32_t shared_sizes[EVENT_SHARED_RINGS]; /* the largest one first */
};

/*
 * `ring_size`: bytes, a power of two, and all that is used at most. The lanes have up to a quarter
 * of it. There are none where they would be smaller than a page. `cpus`: how many are online.
 */
struct ring_plan ring_plan_make(uint64_t ring_size, uint32_t cpus, size_t page);

/* Returns how many bytes all rings of the plan have. */
uint64_t ring_plan_size(const struct ring_plan *plan);

/*
 * Sets online[] of the CPUs in a list such as "0-3,8", as /sys/devices/system/cpu/online has it;
 * those from `count` on are ignored. Returns how many are set, or -EINVAL with online[] undefined.
 */
int cpu_list_parse(const char *list, bool *online, int count);

/* Sets online[] from that file. Where it cannot be read, all are taken to be online. Returns how
 * many are. */
int cpus_online(bool *online, int count);

#endif
