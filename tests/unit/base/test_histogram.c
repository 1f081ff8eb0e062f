// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define SAMPLES		  20000
#define LOWEST_NS	  (1ULL << HISTOGRAM_FIRST_SHIFT)
#define WEEK_NS		  (7 * 86400 * 1000000000ULL)

static const double quantiles[] = {0.0001, 0.001, 0.01, 0.1,  0.25,  0.5,
				   0.75,   0.9,	  0.95, 0.99, 0.999, 0.9999};

/* xorshift64*: the same numbers in every run. */
static uint64_t seed;

static uint64_t random64(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static double random_unit(void)
{
	return (double)(random64() >> 11) / (double)(1ULL << 53);
}

/* Equally many samples in every octave from low to high. */
static uint64_t random_log(uint64_t low, uint64_t high)
{
	uint64_t octave = low, top;
	unsigned int octaves = 0;

	while (octave < high) {
		octave *= 2;
		octaves++;
	}
	octave = low << random64() % octaves;
	top = octave * 2 > high ? high : octave * 2;
	return octave + (uint64_t)(random_unit() * (double)(top - octave));
}

static uint64_t random_microseconds(void)
{
	return LOWEST_NS + random64() % 50000;
}

static uint64_t random_anything(void)
{
	return random_log(LOWEST_NS, 8 * WEEK_NS);
}

/* Fast requests, and a few that wait for minutes. */
static uint64_t random_bimodal(void)
{
	return random64() % 100 < 97 ? random_log(LOWEST_NS, 3000000)
				     : random_log(60000000000ULL, 900000000000ULL);
}

static uint64_t random_linear(void)
{
	return LOWEST_NS + random64() % (3 * WEEK_NS);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void check_near(uint64_t got, uint64_t wanted)
{
	uint64_t off = got > wanted ? got - wanted : wanted - got;

	if ((double)off > (double)wanted * 0.0625)
		fail_msg("%llu is more than 6.25 %% off %llu", (unsigned long long)got,
			 (unsigned long long)wanted);
}

/* The nearest rank: the smallest one with the share q of the samples at or below it. */
static size_t rank_of(double q, size_t count)
{
	size_t rank = 1;

	while ((double)rank < q * (double)count - 1e-6)
		rank++;
	return rank;
}

static void check_quantiles(const struct histogram *histogram, uint64_t *samples, size_t count)
{
	uint64_t last = 0;

	qsort(samples, count, sizeof(*samples), compare);
	assert_int_equal(histogram->count, count);
	assert_int_equal(histogram->min_ns, samples[0]);
	assert_int_equal(histogram->max_ns, samples[count - 1]);
	assert_int_equal(histogram_quantile(histogram, 0), samples[0]);
	assert_int_equal(histogram_quantile(histogram, 1), samples[count - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		uint64_t got = histogram_quantile(histogram, quantiles[i]);

		check_near(got, samples[rank_of(quantiles[i], count) - 1]);
		assert_in_range(got, samples[0], samples[count - 1]);
		assert_true(got >= last);
		last = got;
	}
}

static void quantiles_are_within_the_bound(void **state)
{
	static uint64_t (*const sources[])(void) = {random_microseconds, random_anything,
						    random_bimodal, random_linear};
	static const size_t counts[] = {1, 2, 3, 10, 99, 1000, SAMPLES};
	static uint64_t samples[SAMPLES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++) {
			struct histogram histogram = {0};

			for (size_t k = 0; k < counts[j]; k++) {
				samples[k] = sources[i]();
				histogram_record(&histogram, samples[k]);
			}
			check_quantiles(&histogram, samples, counts[j]);
			histogram_clear(&histogram);
		}
	}
}

/* The samples farthest from a bucket's middle, its edges, between others, so that min and max do
 * not clamp the result. */
static void bucket_edges_are_within_the_bound(void **state)
{
	(void)state;
	for (size_t i = 1; i < HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t edges[] = {histogram_bucket_upper(i - 1) + 1, histogram_bucket_upper(i)};

		for (size_t j = 0; j < ARRAY_SIZE(edges); j++) {
			struct histogram histogram = {0};

			histogram_record(&histogram, 0);
			histogram_record(&histogram, edges[j]);
			histogram_record(&histogram, UINT64_MAX);
			check_near(histogram_quantile(&histogram, 0.5), edges[j]);
			histogram_clear(&histogram);
		}
	}
}

static void bucket_uppers_rise_and_meet(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket_upper(0), LOWEST_NS - 1);
	assert_int_equal(histogram_bucket_upper(HISTOGRAM_BUCKETS - 2),
			 (1ULL << HISTOGRAM_LAST_SHIFT) - 1);
	assert_int_equal(histogram_bucket_upper(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t upper = histogram_bucket_upper(i);

		assert_int_equal(histogram_bucket(upper), i);
		if (i + 1 < HISTOGRAM_BUCKETS) {
			assert_true(upper < histogram_bucket_upper(i + 1));
			assert_int_equal(histogram_bucket(upper + 1), i + 1);
		}
	}
}

static void buckets_hold_what_lies_between_their_edges(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t ns = random64() >> random64() % 64;
		size_t bucket = histogram_bucket(ns);

		assert_true(bucket < HISTOGRAM_BUCKETS);
		assert_true(ns <= histogram_bucket_upper(bucket));
		if (bucket)
			assert_true(ns > histogram_bucket_upper(bucket - 1));
	}
}

static void quantiles_use_the_nearest_rank(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		histogram_record(&histogram, i < 7 ? 10000 : 10000000);
	check_near(histogram_quantile(&histogram, 0.07), 10000);
	check_near(histogram_quantile(&histogram, 0.0701), 10000000);
	check_near(histogram_quantile(&histogram, 0.071), 10000000);
	histogram_clear(&histogram);
}

static void empty_has_no_quantiles(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, 0), 0);
	assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
	assert_int_equal(histogram_quantile(&histogram, 1), 0);
}

static void one_sample_is_every_quantile(void **state)
{
	static const uint64_t values[] = {
		0,	   1, 1023, 1024, 123456789, 1ULL << HISTOGRAM_LAST_SHIFT, UINT64_MAX - 1,
		UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct histogram histogram = {0};

		histogram_record(&histogram, values[i]);
		assert_int_equal(histogram.count, 1);
		assert_int_equal(histogram.sum_ns, values[i]);
		for (size_t j = 0; j < ARRAY_SIZE(quantiles); j++)
			assert_int_equal(histogram_quantile(&histogram, quantiles[j]), values[i]);
		histogram_clear(&histogram);
	}
}

static void quantiles_outside_0_to_1_are_the_ends(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	histogram_record(&histogram, 2000);
	histogram_record(&histogram, 9000);
	assert_int_equal(histogram_quantile(&histogram, -1), 2000);
	assert_int_equal(histogram_quantile(&histogram, __builtin_nan("")), 2000);
	assert_int_equal(histogram_quantile(&histogram, 2), 9000);
	histogram_clear(&histogram);
}

static void extremes_are_counted(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	histogram_record(&histogram, UINT64_MAX);
	histogram_record(&histogram, 0);
	assert_int_equal(histogram.min_ns, 0);
	assert_int_equal(histogram.max_ns, UINT64_MAX);
	assert_int_equal(counters_get(histogram.buckets, 0), 1);
	assert_int_equal(counters_get(histogram.buckets, HISTOGRAM_BUCKETS - 1), 1);
	assert_true(histogram_quantile(&histogram, 0.5) < LOWEST_NS);
	assert_true(histogram_quantile(&histogram, 0.51) >= 1ULL << HISTOGRAM_LAST_SHIFT);
	histogram_clear(&histogram);
}

static void sum_saturates(void **state)
{
	struct histogram histogram = {0}, other = {0};

	(void)state;
	histogram_record(&histogram, UINT64_MAX - 5);
	histogram_record(&histogram, 5);
	assert_int_equal(histogram.sum_ns, UINT64_MAX);
	histogram_record(&histogram, 1);
	assert_int_equal(histogram.sum_ns, UINT64_MAX);
	assert_int_equal(histogram.count, 3);

	histogram_record(&other, 1000);
	histogram_merge(&other, &histogram);
	assert_int_equal(other.sum_ns, UINT64_MAX);
	assert_int_equal(other.count, 4);
	histogram_clear(&histogram);
	histogram_clear(&other);
}

static void check_equal(const struct histogram *a, const struct histogram *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sum_ns, b->sum_ns);
	assert_int_equal(a->min_ns, b->min_ns);
	assert_int_equal(a->max_ns, b->max_ns);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(counters_get(a->buckets, i), counters_get(b->buckets, i));
}

static void merge_equals_recording_all(void **state)
{
	struct histogram parts[3] = {0}, merged = {0}, all = {0};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint64_t ns = random_anything();

		histogram_record(&parts[random64() % ARRAY_SIZE(parts)], ns);
		histogram_record(&all, ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		histogram_merge(&merged, &parts[i]);
	assert_int_equal(all.count, 3000);
	check_equal(&merged, &all);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		histogram_clear(&parts[i]);
	histogram_clear(&merged);
	histogram_clear(&all);
}

static void merge_with_empty_changes_nothing(void **state)
{
	struct histogram histogram = {0}, same = {0}, empty = {.min_ns = 1};

	(void)state;
	histogram_record(&histogram, 5000);
	histogram_record(&histogram, 70000);
	histogram_record(&same, 5000);
	histogram_record(&same, 70000);
	histogram_merge(&histogram, &empty);
	check_equal(&histogram, &same);
	histogram_merge(&empty, &histogram);
	check_equal(&empty, &same);
	histogram_clear(&histogram);
	histogram_clear(&same);
	histogram_clear(&empty);
	assert_int_equal(empty.count, 0);
	assert_null(empty.buckets);
}

static int seed_reset(void **state)
{
	(void)state;
	seed = 88172645463325252ULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quantiles_are_within_the_bound, seed_reset),
		cmocka_unit_test(bucket_edges_are_within_the_bound),
		cmocka_unit_test(bucket_uppers_rise_and_meet),
		cmocka_unit_test_setup(buckets_hold_what_lies_between_their_edges, seed_reset),
		cmocka_unit_test(quantiles_use_the_nearest_rank),
		cmocka_unit_test(empty_has_no_quantiles),
		cmocka_unit_test(one_sample_is_every_quantile),
		cmocka_unit_test(quantiles_outside_0_to_1_are_the_ends),
		cmocka_unit_test(extremes_are_counted),
		cmocka_unit_test(sum_saturates),
		cmocka_unit_test_setup(merge_equals_recording_all, seed_reset),
		cmocka_unit_test(merge_with_empty_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
