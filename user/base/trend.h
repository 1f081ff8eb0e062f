/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TREND_H
#define TCPWATCH_TREND_H

#include <stdbool.h>
#include <stdint.h>

/* How a number went over the last minute: values at least this far apart, the latest of them
 * always. */
#define TREND_STEP_NS (2ULL * 1000000000)
#define TREND_VALUES  32

/* All zero is an empty one. */
struct trend {
	struct {
		uint64_t time_ns;
		uint64_t value;
	} values[TREND_VALUES]; /* a ring */
	unsigned int next;
	unsigned int count;
};

/* The value at time_ns (CLOCK_MONOTONIC), which must not go back. */
void trend_add(struct trend *trend, uint64_t time_ns, uint64_t value);

/*
 * How much it grew a second within the last within_ns, by its first and its last value; negative
 * where it fell. *over_ns, if not NULL, is how long that is: 0 where it is not known yet.
 */
double trend_per_second(const struct trend *trend, uint64_t within_ns, uint64_t *over_ns);

/* Was it never less than this within the last within_ns, and is it known for as long? */
bool trend_stayed(const struct trend *trend, uint64_t within_ns, uint64_t least);

#endif
