/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COUNTERS_H
#define TCPWATCH_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Many counters of which most are 0, and take no memory: 8 bytes for each other one, and 64 in all.
 * NULL stands for counters that are all 0.
 */
struct counters;

/* The numbers of counters are below this. */
#define COUNTERS_MAX 384

/* Adds to the counter of this number. Returns false without memory, with nothing changed. */
bool counters_add(struct counters **counters, size_t number, uint64_t count);

/* Adds every counter of `from`. Returns false without memory, with nothing changed. */
bool counters_merge(struct counters **to, const struct counters *from);

uint64_t counters_get(const struct counters *counters, size_t number);

/* Returns the lowest number from `number` on whose counter is not 0; COUNTERS_MAX if there is
 * none. */
size_t counters_next(const struct counters *counters, size_t number);

/* NULL is allowed. */
void counters_free(struct counters *counters);

#endif
