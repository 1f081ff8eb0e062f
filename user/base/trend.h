/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TREND_H
#define TCPWATCH_TREND_H

#include <stdbool.h>
#include <stdint.h>

/* A number's values over the last minute. The values are at least this far apart, except for the
 * latest one, which is always kept. */
#define TREND_STEP_NS (2ULL * 1000000000)
#define TREND_VALUES  32

/* A zeroed trend is an empty one. */
struct trend {
	struct {
		uint64_t time_ns;
		uint64_t value;
	} values[TREND_VALUES]; /* a ring */
	unsigned int next;
	unsigned int count;
};

/* Adds the value at time_ns (CLOCK_MONOTONIC), which must not be earlier than the one before. */
void trend_add(struct trend *trend, uint64_t time_ns, uint64_t value);

/*
 * Returns by how much the number grew per second within the last within_ns, from the first and the
 * last value in that time; negative where it fell. Sets *over_ns, if not NULL, to the time between
 * these two, in ns: 0 where the growth is not known yet.
 */
double trend_per_second(const struct trend *trend, uint64_t within_ns, uint64_t *over_ns);

/* Whether the number was never below `least` within the last within_ns. False where it is not known
 * for that long. */
bool trend_stayed(const struct trend *trend, uint64_t within_ns, uint64_t least);

#endif
