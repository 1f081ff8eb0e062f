/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HISTOGRAM_H
#define TCPWATCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"

/*
 * A log-linear histogram of durations in nanoseconds: 8 buckets an octave from 1.024 us up to 2^53
 * ns (104 days), one bucket below and one above. A quantile is the middle of its bucket, clamped to
 * min and max: at most 6.25 % off between those bounds. Only buckets with samples take memory.
 */
#define HISTOGRAM_SUB_BITS    3
#define HISTOGRAM_FIRST_SHIFT 10
#define HISTOGRAM_LAST_SHIFT  53
#define HISTOGRAM_BUCKETS                                                                          \
	(((HISTOGRAM_LAST_SHIFT - HISTOGRAM_FIRST_SHIFT) << HISTOGRAM_SUB_BITS) + 2)

struct histogram {
	uint64_t count;
	uint64_t sum_ns; /* saturates at UINT64_MAX */
	uint64_t min_ns; /* meaningless while count is 0 */
	uint64_t max_ns;
	struct counters *buckets; /* by bucket, 0 to HISTOGRAM_BUCKETS - 1 */
};

_Static_assert(HISTOGRAM_BUCKETS <= COUNTERS_MAX, "each bucket has a counter");

/* Adds a sample; without memory it is left out. A zeroed histogram is an empty one. */
void histogram_record(struct histogram *histogram, uint64_t ns);

/* Adds every sample of `from` to `to`; without memory, none. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* Frees what it has allocated, and leaves an empty one. */
void histogram_clear(struct histogram *histogram);

/* Returns the quantile q (0 to 1) in ns; 0 if there are no samples. q 0 is the minimum, q 1 the
 * maximum. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);

/* Returns the bucket that `ns` falls in, 0 to HISTOGRAM_BUCKETS - 1. */
size_t histogram_bucket(uint64_t ns);

/* Returns the largest duration, in ns, that falls in `bucket`; UINT64_MAX for the last bucket. */
uint64_t histogram_bucket_upper(size_t bucket);

#endif
