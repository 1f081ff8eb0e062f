// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/histogram.h"

#include <float.h>

#define SUB_BUCKETS (1ULL << HISTOGRAM_SUB_BITS)

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void histogram_record(struct histogram *histogram, uint64_t ns)
{
	if (!counters_add(&histogram->buckets, histogram_bucket(ns), 1))
		return;
	if (!histogram->count || ns < histogram->min_ns)
		histogram->min_ns = ns;
	if (!histogram->count || ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->count++;
	histogram->sum_ns = add_saturated(histogram->sum_ns, ns);
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	if (!from->count || !counters_merge(&to->buckets, from->buckets))
		return;
	if (!to->count || from->min_ns < to->min_ns)
		to->min_ns = from->min_ns;
	if (!to->count || from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	to->count += from->count;
	to->sum_ns = add_saturated(to->sum_ns, from->sum_ns);
}

void histogram_clear(struct histogram *histogram)
{
	counters_free(histogram->buckets);
	*histogram = (struct histogram){0};
}

/* The smallest duration, in ns, that falls in the bucket. */
static uint64_t bucket_lower(size_t bucket)
{
	return bucket ? histogram_bucket_upper(bucket - 1) + 1 : 0;
}

static uint64_t bucket_middle(size_t bucket)
{
	uint64_t lower = bucket_lower(bucket);

	return lower + (histogram_bucket_upper(bucket) - lower) / 2;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
	uint64_t rank, seen = 0, middle;
	size_t bucket = 0;
	double exact;

	if (!histogram->count)
		return 0;
	if (!(q > 0))
		return histogram->min_ns;
	if (q >= 1)
		return histogram->max_ns;

	/* The smallest rank with the share q of the samples at or below it. The factor corrects
	 * rounding: the rank of 0.07 of 100 samples is 7, though 0.07 * 100 > 7. */
	exact = q * (double)histogram->count * (1 - DBL_EPSILON);
	rank = (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	while ((bucket = counters_next(histogram->buckets, bucket)) < HISTOGRAM_BUCKETS - 1 &&
	       (seen += counters_get(histogram->buckets, bucket)) < rank)
		bucket++;

	middle = bucket_middle(bucket);
	if (middle < histogram->min_ns)
		return histogram->min_ns;
	return middle > histogram->max_ns ? histogram->max_ns : middle;
}

size_t histogram_bucket(uint64_t ns)
{
	unsigned int octave, shift;

	if (ns < 1ULL << HISTOGRAM_FIRST_SHIFT)
		return 0;
	if (ns >= 1ULL << HISTOGRAM_LAST_SHIFT)
		return HISTOGRAM_BUCKETS - 1;
	octave = 63 - (unsigned int)__builtin_clzll(ns);
	shift = octave - HISTOGRAM_SUB_BITS;
	return 1 + ((octave - HISTOGRAM_FIRST_SHIFT) << HISTOGRAM_SUB_BITS) +
	       ((ns >> shift) & (SUB_BUCKETS - 1));
}

uint64_t histogram_bucket_upper(size_t bucket)
{
	size_t shift;

	if (!bucket)
		return (1ULL << HISTOGRAM_FIRST_SHIFT) - 1;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	bucket--;
	shift = (bucket >> HISTOGRAM_SUB_BITS) + HISTOGRAM_FIRST_SHIFT - HISTOGRAM_SUB_BITS;
	return ((SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1)) + 1) << shift) - 1;
}
