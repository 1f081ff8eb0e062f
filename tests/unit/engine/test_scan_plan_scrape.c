// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The part of the scan plan that pages of metrics use. */
#include "scene.h"

static void scrape(struct scene *scene)
{
	size_t drains = scene->kernel.drains;

	assert_int_equal(scan_plan_before_scrape(&scene->plan), 0);
	assert_true(scene->kernel.drains > drains);
}

static void many_scrapes_are_one_scan(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	scene->kernel.scan_ns = 2 * NS_PER_MS;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 1);
	for (int i = 0; i < 9; i++) {
		scene->kernel.now_ns += 100 * NS_PER_MS;
		scrape(scene);
		assert_int_equal(scan_plan_after_scrapes(&scene->plan), 0);
	}
	assert_int_equal(scene->kernel.scans, 1);
	scene->kernel.now_ns += 100 * NS_PER_MS;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 2);
	scene_free(scene);
}

/* Half a second each: one in 25 s, and no scrape waits but the first. */
static void a_slow_scan_comes_after_the_answer(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	scene->kernel.scan_ns = 500 * NS_PER_MS;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 1);
	scene->kernel.now_ns += 24 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scan_plan_after_scrapes(&scene->plan), 0);
	assert_int_equal(scene->kernel.scans, 1);
	scene->kernel.now_ns += 1 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 1);
	scene->kernel.scan_ns = 1 * NS_PER_MS;
	assert_int_equal(scan_plan_after_scrapes(&scene->plan), 0);
	assert_int_equal(scene->kernel.scans, 2);
	assert_int_equal(scan_plan_after_scrapes(&scene->plan), 0); /* once */
	assert_int_equal(scene->kernel.scans, 2);
	/* That one was quick: the next scrape waits again. */
	scene->kernel.now_ns += 1 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 3);
	scene_free(scene);
}

static void a_scan_that_fails_is_tried_again_later(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	scene->kernel.scan_error = -ENOMEM;
	scrape(scene);
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 1);
	scene->kernel.now_ns += 1 * NS_PER_S;
	scene->kernel.scan_error = 0;
	scrape(scene);
	assert_int_equal(scene->kernel.scans, 2);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_scrapes_are_one_scan),
		cmocka_unit_test(a_slow_scan_comes_after_the_answer),
		cmocka_unit_test(a_scan_that_fails_is_tried_again_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
