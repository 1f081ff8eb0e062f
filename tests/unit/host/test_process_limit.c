// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/process_limit.h"

static int parse(const char *text, uint64_t *limit)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int err;

	assert_non_null(file);
	err = process_limit_parse(file, limit);
	fclose(file);
	return err;
}

static void the_soft_limit_is_found(void **state)
{
	uint64_t limit = 0;

	(void)state;
	assert_int_equal(
		parse("Limit                     Soft Limit           Hard Limit\n"
		      "Max processes             10                   20         processes\n"
		      "Max open files            1024                 524288     files\n",
		      &limit),
		0);
	assert_int_equal(limit, 1024);
	assert_int_equal(
		parse("Max open files            unlimited            unlimited  files\n", &limit),
		0);
	assert_true(limit == UINT64_MAX);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"\n",
		"Max open file             1024\n",
		"Max open files\n",
		"Max open files            -1\n",
		"Max open files            99999999999999999999999\n",
		"Max open files            many\n",
	};
	uint64_t limit = 5;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse(texts[i], &limit), -EPROTO);
	assert_int_equal(limit, 5);
}

static void our_own_is_true(void **state)
{
	struct rlimit own;
	uint64_t limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
	own.rlim_cur = own.rlim_max < 333 ? own.rlim_max : 333;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &own), 0);
	assert_int_equal(process_limit_descriptors((uint32_t)getpid(), &limit), 0);
	assert_int_equal(limit, own.rlim_cur);
	assert_int_equal(process_limit_descriptors(UINT32_MAX, &limit), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_soft_limit_is_found),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(our_own_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
