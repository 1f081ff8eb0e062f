// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <errno.h>

#include "leaks.h"

#include "engine/scrape_scan.h"
#include "base/units.h"

/* A kernel whose scans take a while. */
struct slow_source {
	struct source source;
	uint64_t now_ns;
	uint64_t scan_ns;
	int scan_error;
	unsigned int scans, drains;
};

static int source_scan(struct source *source, const struct scan_request *request,
		       struct scan_result *result)
{
	struct slow_source *slow = (struct slow_source *)source;

	assert_true(request->tables);
	assert_int_equal(request->mini_states, SCAN_ALL_STATES);
	slow->scans++;
	if (slow->scan_error)
		return slow->scan_error;
	result->started_ns = slow->now_ns;
	slow->now_ns += slow->scan_ns;
	result->ended_ns = slow->now_ns;
	return 0;
}

static uint64_t source_now(struct source *source)
{
	return ((struct slow_source *)source)->now_ns;
}

static int count_drain(void *context)
{
	((struct slow_source *)context)->drains++;
	return 0;
}

struct scene {
	struct world *world;
	struct slow_source slow;
	struct ledger ledger;
	struct scan_plan plan;
	struct scrape_scan scrapes;
};

static const struct source_ops ops = {.scan = source_scan, .now = source_now};

static struct scene *scene_new(uint64_t scan_ns)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->world = world_new(&everything);
	scene->slow = (struct slow_source){
		.source = {.ops = &ops}, .now_ns = START_NS, .scan_ns = scan_ns};
	scene->plan = (struct scan_plan){.source = &scene->slow.source,
					 .tracker = &scene->world->tracker,
					 .ledger = &scene->ledger,
					 .drain = count_drain,
					 .context = &scene->slow};
	scan_plan_init(&scene->plan);
	scene->scrapes.plan = &scene->plan;
	return scene;
}

static void scene_free(struct scene *scene)
{
	world_free(scene->world);
	free(scene);
}

static void scrape(struct scene *scene)
{
	unsigned int drains = scene->slow.drains;

	assert_int_equal(scrape_scan_before(&scene->scrapes), 0);
	assert_true(scene->slow.drains > drains);
}

static void many_scrapes_are_one_scan(void **state)
{
	struct scene *scene = scene_new(2 * NS_PER_MS);

	(void)state;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 1);
	for (int i = 0; i < 9; i++) {
		scene->slow.now_ns += 100 * NS_PER_MS;
		scrape(scene);
		assert_int_equal(scrape_scan_after(&scene->scrapes), 0);
	}
	assert_int_equal(scene->slow.scans, 1);
	scene->slow.now_ns += 100 * NS_PER_MS;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 2);
	scene_free(scene);
}

/* Half a second each: one in 25 s, and no scrape waits but the first. */
static void a_slow_scan_comes_after_the_answer(void **state)
{
	struct scene *scene = scene_new(500 * NS_PER_MS);

	(void)state;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 1);
	scene->slow.now_ns += 24 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scrape_scan_after(&scene->scrapes), 0);
	assert_int_equal(scene->slow.scans, 1);
	scene->slow.now_ns += 1 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 1);
	scene->slow.scan_ns = 1 * NS_PER_MS;
	assert_int_equal(scrape_scan_after(&scene->scrapes), 0);
	assert_int_equal(scene->slow.scans, 2);
	assert_int_equal(scrape_scan_after(&scene->scrapes), 0); /* once */
	assert_int_equal(scene->slow.scans, 2);
	/* That one was quick: the next scrape waits again. */
	scene->slow.now_ns += 1 * NS_PER_S;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 3);
	scene_free(scene);
}

static void a_scan_that_fails_is_tried_again_later(void **state)
{
	struct scene *scene = scene_new(0);

	(void)state;
	scene->slow.scan_error = -ENOMEM;
	scrape(scene);
	scrape(scene);
	assert_int_equal(scene->slow.scans, 1);
	scene->slow.now_ns += 1 * NS_PER_S;
	scene->slow.scan_error = 0;
	scrape(scene);
	assert_int_equal(scene->slow.scans, 2);
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
