// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include <unistd.h>

#include "metric/group.h"
#include "track/sample.h"

static const struct options everything;
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};

struct scene {
	struct filter *watched;
	struct process_table *processes;
	struct metric_groups *groups; /* NULL = none are served */
};

static struct scene scene_new(const struct options *options, const struct metric_labels *labels)
{
	struct scene scene = {.watched = filter_new(options)};

	assert_non_null(scene.watched);
	scene.processes = process_table_new(scene.watched);
	assert_non_null(scene.processes);
	if (!labels)
		return scene;
	scene.groups = metric_groups_new(labels, 10);
	assert_non_null(scene.groups);
	process_table_set_metrics(scene.processes, scene.groups);
	return scene;
}

static void scene_free(struct scene *scene)
{
	process_table_free(scene->processes);
	metric_groups_free(scene->groups);
	filter_free(scene->watched);
}

static void a_sample_counts_for_process_and_group(void **state)
{
	struct scene scene = scene_new(&everything, &(struct metric_labels){0});
	struct process *process = process_table_get(scene.processes, &server);
	const struct metric_group *group;

	(void)state;
	sample_transition(process, NETNS, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 5 * NS_PER_MS);
	sample_transition(process, NETNS, TCP_ESTABLISHED, TCP_CLOSE_WAIT, DURATION_UNKNOWN);
	sample_accept(process, NETNS, 2 * NS_PER_MS);
	sample_leak(process, NETNS, LEAK_UNREAD);
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE_WAIT), 2);
	assert_int_equal(process_count(process, TCP_ESTABLISHED), 1);
	assert_int_equal(process->accept_wait->count, 1);
	assert_int_equal(process->leaks[LEAK_UNREAD], 1);
	group = sample_group(process, NETNS);
	assert_string_equal((const char *)group->key.comm, "nginx");
	assert_int_equal(group->transitions[TCP_ESTABLISHED][TCP_CLOSE_WAIT], 2);
	assert_int_equal(group->lifetimes[TCP_ESTABLISHED].buckets[3], 1);
	assert_int_equal(group->lifetimes[TCP_ESTABLISHED].sum_ns, 5 * NS_PER_MS);
	assert_int_equal(group->accept_wait.sum_ns, 2 * NS_PER_MS);
	assert_int_equal(group->leaks[LEAK_UNREAD], 1);
	assert_int_equal(metric_groups_count(scene.groups), 1);
	scene_free(&scene);
}

static void new_samples_have_not_been_seen(void **state)
{
	struct scene scene = scene_new(&everything, &(struct metric_labels){0});
	struct process *process = process_table_get(scene.processes, &server);

	(void)state;
	for (int what = 0; what < 3; what++) {
		sample_group(process, NETNS);
		metric_groups_exported(scene.groups);
		assert_true(sample_group(process, NETNS)->exported);
		if (what == 0)
			sample_transition(process, NETNS, TCP_ESTABLISHED, TCP_CLOSE, 1);
		else if (what == 1)
			sample_accept(process, NETNS, 1);
		else
			sample_leak(process, NETNS, LEAK_UNREAD);
		assert_false(sample_group(process, NETNS)->exported);
	}
	scene_free(&scene);
}

static void the_group_is_that_of_the_socket(void **state)
{
	struct scene scene =
		scene_new(&everything, &(struct metric_labels){.netns = true, .pid = true});
	struct process *process = process_table_get(scene.processes, &server);

	(void)state;
	sample_leak(process, NETNS, LEAK_UNREAD);
	sample_leak(process, OTHER_NETNS, LEAK_UNREAD);
	assert_int_equal(metric_groups_count(scene.groups), 2);
	assert_int_equal(sample_group(process, NETNS)->key.netns, NETNS);
	assert_int_equal(sample_group(process, OTHER_NETNS)->key.netns, OTHER_NETNS);
	assert_int_equal(sample_group(process, NETNS)->key.pid, server.tgid);
	scene_free(&scene);
}

static void without_metrics_there_is_no_group(void **state)
{
	struct scene scene = scene_new(&everything, NULL);
	struct process *process = process_table_get(scene.processes, &server);

	(void)state;
	assert_null(sample_group(process, NETNS));
	sample_transition(process, NETNS, TCP_ESTABLISHED, TCP_CLOSE, 1);
	sample_accept(process, NETNS, 1);
	sample_leak(process, NETNS, LEAK_UNREAD);
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE), 1);
	scene_free(&scene);
}

static void who_is_not_watched_counts_nothing(void **state)
{
	static uint32_t pids[] = {1};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct scene scene = scene_new(&options, &(struct metric_labels){0});
	struct process *process = process_table_get(scene.processes, &server);

	(void)state;
	assert_null(sample_group(process, NETNS));
	assert_null(sample_group(process_table_unknown(scene.processes), NETNS));
	sample_transition(process, NETNS, TCP_ESTABLISHED, TCP_CLOSE, 1);
	sample_accept(process, NETNS, 1);
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE), 0);
	assert_int_equal(metric_groups_count(scene.groups), 0);
	scene_free(&scene);
}

/* Exited processes are folded and release their cgroup; their group stays. */
static bool nobody_lives(void *context, uint32_t tgid)
{
	(void)context;
	(void)tgid;
	return false;
}

static void the_dead_let_go_of_their_cgroup(void **state)
{
	struct scene scene = scene_new(&everything, &(struct metric_labels){.cgroup = true});
	uint32_t held = metric_groups_hold(scene.groups, "/first"), next;

	(void)state;
	metric_groups_release(scene.groups, held);
	for (uint32_t i = 0; i < PROCESS_TABLE_LIMIT; i++) {
		struct event_task task = {.start_ns = i, .tgid = (uint32_t)getpid()};

		assert_non_null(process_table_get(scene.processes, &task));
	}
	process_table_fold(scene.processes, 0, nobody_lives, NULL);
	/* The smallest number is free again: it has no holder. */
	next = metric_groups_hold(scene.groups, "/second");
	assert_int_equal(next, held);
	metric_groups_release(scene.groups, next);
	scene_free(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_counts_for_process_and_group),
		cmocka_unit_test(new_samples_have_not_been_seen),
		cmocka_unit_test(the_group_is_that_of_the_socket),
		cmocka_unit_test(without_metrics_there_is_no_group),
		cmocka_unit_test(who_is_not_watched_counts_nothing),
		cmocka_unit_test(the_dead_let_go_of_their_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
