// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/feature.h"

#define ALL ((1u << FEATURES) - 1)

static feature_set without(enum feature feature)
{
	return ALL & ~(1u << feature);
}

/* Names in outputs never change. */
static void names_are_as_promised(void **state)
{
	static const char *const names[] = {
		"transitions", "descriptors",	"tables",	   "namespaces", "closes",
		"forks",       "accept_stacks", "go_requests",	   "go_starts",	 "accept",
		"time_wait",   "fin_wait2",	"overflow",	   "half_open",	 "retransmits",
		"synacks",     "resets_sent",	"resets_received",
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(names), FEATURES);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(feature_infos[i].name, names[i]);
}

/* The columns of --features have a width; each feature has both texts. */
static void each_is_told_in_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < FEATURES; i++) {
		const struct feature_info *info = &feature_infos[i];

		assert_non_null(info->program);
		assert_in_range(strlen(info->gives), 1, 60);
		assert_in_range(strlen(info->loses), 1, 60);
		assert_null(strchr(info->gives, '\n'));
		assert_null(strchr(info->loses, '\n'));
		assert_false(info->core && info->full);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(feature_infos[j].program, info->program);
		if (info->twin)
			assert_string_not_equal(info->twin, info->program);
	}
}

static void what_needs_fentry_is_the_full_mode(void **state)
{
	feature_set wanted = 1u << FEATURE_ACCEPT | 1u << FEATURE_TIME_WAIT |
			     1u << FEATURE_FIN_WAIT2 | 1u << FEATURE_OVERFLOW |
			     1u << FEATURE_HALF_OPEN;

	(void)state;
	assert_int_equal(feature_set_full(), wanted);
	assert_string_equal(feature_mode(0), "tracepoints");
	assert_string_equal(feature_mode(ALL & ~wanted), "tracepoints");
	assert_string_equal(feature_mode(ALL), "full");
	for (int i = 0; i < FEATURES; i++)
		if (wanted >> i & 1)
			assert_string_equal(feature_mode(1u << i), "full");
}

static void has_is_exact(void **state)
{
	(void)state;
	for (int i = 0; i < FEATURES; i++)
		for (int j = 0; j < FEATURES; j++)
			assert_int_equal(feature_has(1u << i, (enum feature)j), i == j);
}

static void nothing_is_missing_where_all_is_there(void **state)
{
	(void)state;
	for (int i = 0; i < FEATURES; i++)
		assert_false(feature_is_missing(ALL, (enum feature)i));
}

static void only_what_is_kept_from_us_is_missing(void **state)
{
	(void)state;
	for (int i = 0; i < FEATURES; i++)
		for (int j = 0; j < FEATURES; j++) {
			/* Without -f and -s; records of accept() replace those of close(). */
			bool wanted = i == j && !feature_is_optional((enum feature)i) &&
				      i != FEATURE_CLOSES;

			assert_int_equal(
				feature_is_missing(without((enum feature)i), (enum feature)j),
				wanted);
		}
	assert_true(feature_is_missing(without(FEATURE_CLOSES) & without(FEATURE_ACCEPT),
				       FEATURE_CLOSES));
	for (int i = 0; i < FEATURES; i++)
		assert_true(feature_is_optional((enum feature)i) !=
			    feature_is_missing(0, (enum feature)i));
	assert_true(feature_is_optional(FEATURE_FORKS));
	assert_true(feature_is_optional(FEATURE_ACCEPT_STACKS));
	assert_true(feature_is_optional(FEATURE_GO_REQUESTS));
	assert_true(feature_is_optional(FEATURE_GO_STARTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_as_promised),
		cmocka_unit_test(each_is_told_in_one_line),
		cmocka_unit_test(what_needs_fentry_is_the_full_mode),
		cmocka_unit_test(has_is_exact),
		cmocka_unit_test(nothing_is_missing_where_all_is_there),
		cmocka_unit_test(only_what_is_kept_from_us_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
