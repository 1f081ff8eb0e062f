// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"
#include "engine/metric_collect.h"
#include "track/sample.h"

#define LIMIT 10

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};

/* Sockets and groups, wired as the engine does it. */
struct scene {
	struct findings *findings;
	struct world *world; /* theirs */
	struct metric_groups *groups;
};

static struct scene scene_new(const struct options *options, struct metric_labels labels,
			      size_t limit)
{
	struct scene scene = {.findings = findings_new(options),
			      .groups = metric_groups_new(&labels, limit)};

	assert_non_null(scene.groups);
	scene.world = scene.findings->world;
	scene.world->tracker.features = (1u << FEATURES) - 1;
	process_table_set_metrics(scene.world->tracker.processes, scene.groups);
	metric_groups_set_time(scene.groups, START_NS);
	return scene;
}

static void scene_free(struct scene *scene)
{
	findings_free(scene->findings);
	metric_groups_free(scene->groups);
}

static void collect(struct scene *scene)
{
	metric_collect(scene->groups, &scene->world->tracker, scene->world->leaks,
		       scene->findings->watch);
}

static const struct metric_group *find(struct scene *scene, const char *comm)
{
	struct metric_group *group = NULL;

	while ((group = metric_groups_next(scene->groups, group)))
		if (!strncmp((const char *)group->key.comm, comm, EVENT_COMM_LEN))
			return group;
	fail_msg("no group %s", comm);
	return NULL;
}

static uint64_t sockets_of(struct scene *scene, unsigned int state)
{
	struct metric_group *group = NULL;
	uint64_t count = 0;

	while ((group = metric_groups_next(scene->groups, group)))
		count += group->sockets[state];
	return count;
}

static void connect_out(struct scene *scene, uint64_t cookie, const struct event_task *task)
{
	struct event_flow flow =
		make_flow("10.0.0.2", (uint16_t)(1024 + cookie % 60000), "10.0.0.1", 80);

	world_step(scene->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, task);
	world_step(scene->world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + 1, NULL);
}

static void sockets_count_for_their_owner_and_state(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);

	(void)state;
	connect_out(&scene, 1, &client);
	connect_out(&scene, 2, &client);
	connect_out(&scene, 3, &server);
	enter(scene.world, 4, START_NS); /* of nobody that is known */
	for (int i = 0; i < 2; i++) {	 /* gauges do not add up */
		collect(&scene);
		assert_int_equal(find(&scene, "curl")->sockets[TCP_ESTABLISHED], 2);
		assert_int_equal(find(&scene, "nginx")->sockets[TCP_ESTABLISHED], 1);
		assert_int_equal(find(&scene, "(unknown)")->sockets[TCP_CLOSE_WAIT], 1);
		assert_int_equal(sockets_of(&scene, TCP_ESTABLISHED), 3);
		metric_groups_exported(scene.groups);
	}
	scene_free(&scene);
}

static void the_oldest_close_wait_is_the_oldest(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);

	(void)state;
	enter(scene.world, 1, START_NS + 5);
	enter(scene.world, 2, START_NS + 3);
	enter(scene.world, 3, START_NS + 4);
	collect(&scene);
	assert_int_equal(find(&scene, "(unknown)")->oldest_ns, START_NS + 3);
	leave(scene.world, 2, START_NS + 9);
	collect(&scene);
	assert_int_equal(find(&scene, "(unknown)")->oldest_ns, START_NS + 4);
	leave(scene.world, 1, START_NS + 9);
	leave(scene.world, 3, START_NS + 9);
	collect(&scene);
	assert_int_equal(find(&scene, "(unknown)")->oldest_ns, 0);
	assert_int_equal(find(&scene, "nginx")->sockets[TCP_LAST_ACK], 3);
	scene_free(&scene);
}

static void leaks_count_while_they_are_open(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);
	const uint64_t due_ns = START_NS + 11 * NS_PER_S;

	(void)state;
	enter(scene.world, 1, START_NS);
	enter(scene.world, 2, START_NS);
	assert_int_equal(leak_watch_collect(scene.world->leaks, due_ns), 2);
	assert_int_equal(judge_idle(scene.world, 1, 2, due_ns), 0);
	collect(&scene);
	assert_int_equal(scene.world->leak_count, 2);
	assert_int_equal(find(&scene, "nginx")->leaked[scene.world->leak_notes[0].leak.kind], 2);
	leave(scene.world, 1, due_ns + 1);
	collect(&scene);
	assert_int_equal(find(&scene, "nginx")->leaked[scene.world->leak_notes[0].leak.kind], 1);
	assert_int_equal(find(&scene, "nginx")->leaks[scene.world->leak_notes[0].leak.kind], 2);
	scene_free(&scene);
}

/* A connect() that gets no answer. */
static void try_connect(struct scene *scene, uint64_t cookie, const struct event_task *task)
{
	struct event_flow flow = make_flow("10.0.0.2", (uint16_t)(1024 + cookie), "10.0.0.1", 80);

	world_step(scene->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, task);
}

static uint64_t findings_of(struct scene *scene, const char *comm)
{
	uint64_t count = 0;

	for (int id = 0; id < FINDINGS; id++)
		count += find(scene, comm)->findings[id];
	return count;
}

static void findings_count_while_they_are_open(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);

	(void)state;
	for (uint64_t i = 1; i <= 20; i++)
		try_connect(&scene, i, &client);
	for (uint64_t i = 21; i <= 40; i++)
		try_connect(&scene, i, NULL); /* of nobody that is known */
	connect_out(&scene, 41, &server);
	collect(&scene);
	assert_int_equal(findings_of(&scene, "curl"), 0);
	findings_pass(scene.findings, 60);
	for (int i = 0; i < 2; i++) { /* gauges do not add up */
		collect(&scene);
		assert_int_equal(find(&scene, "curl")->findings[FINDING_CONNECT_STUCK], 1);
		assert_int_equal(findings_of(&scene, "curl"), 1);
		assert_int_equal(find(&scene, "(unknown)")->findings[FINDING_CONNECT_STUCK], 1);
		assert_int_equal(findings_of(&scene, "nginx"), 0);
	}
	for (uint64_t i = 1; i <= 20; i++) {
		struct event_flow flow =
			make_flow("10.0.0.2", (uint16_t)(1024 + i), "10.0.0.1", 80);

		world_step(scene.world, i, &flow, TCP_SYN_SENT, TCP_ESTABLISHED,
			   scene.findings->kernel.now_ns, NULL);
	}
	findings_pass(scene.findings, 60);
	collect(&scene);
	assert_int_equal(findings_of(&scene, "curl"), 0);
	assert_int_equal(find(&scene, "(unknown)")->findings[FINDING_CONNECT_STUCK], 1);
	scene_free(&scene);
}

static void mini_sockets_count(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);
	struct event_flow flow = make_flow("10.0.0.2", (uint16_t)(1024 + 1), "10.0.0.1", 80);
	struct event_transition last =
		make_transition(1, &flow, TCP_FIN_WAIT2, TCP_CLOSE, START_NS + 4);

	(void)state;
	connect_out(&scene, 1, &client);
	world_step(scene.world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + 2, &client);
	world_step(scene.world, 1, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS + 3, NULL);
	last.flow.flags = EVENT_DEAD | EVENT_DONE;
	last.shutdown = 3;
	world_feed(scene.world, &last);
	collect(&scene);
	assert_int_equal(find(&scene, "curl")->sockets[TCP_TIME_WAIT], 1);
	assert_int_equal(sockets_of(&scene, TCP_FIN_WAIT2), 0);
	scene_free(&scene);
}

static void who_is_not_watched_does_not_count(void **state)
{
	static uint32_t pids[] = {200};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct scene scene = scene_new(&options, (struct metric_labels){0}, LIMIT);

	(void)state;
	connect_out(&scene, 1, &client);
	connect_out(&scene, 2, &server);
	enter(scene.world, 3, START_NS);
	collect(&scene);
	assert_int_equal(sockets_of(&scene, TCP_ESTABLISHED), 1);
	assert_int_equal(find(&scene, "nginx")->sockets[TCP_ESTABLISHED], 1);
	assert_int_equal(sockets_of(&scene, TCP_CLOSE_WAIT), 0);
	assert_int_equal(metric_groups_count(scene.groups), 1);
	scene_free(&scene);
}

/* Every transition is in one group, whatever becomes of the groups. */
static void a_thousand_commands_are_all_counted_in_few_groups(void **state)
{
	struct scene scene = scene_new(&everything, (struct metric_labels){0}, LIMIT);
	uint64_t seen = 0, other = 0;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		struct event_flow flow =
			make_flow("10.0.0.2", (uint16_t)(1024 + i % 60000), "10.0.0.1", 80);
		struct event_task task = {.start_ns = i, .tgid = (uint32_t)(1000 + i)};
		uint64_t sum = 0, now_ns = START_NS + i * NS_PER_MS;
		struct metric_group *group = NULL;

		snprintf((char *)task.comm, sizeof(task.comm), "job-%u", (unsigned int)i);
		metric_groups_set_time(scene.groups, now_ns);
		connect_out(&scene, i, &task);
		if (i % 3) /* the others stay open */
			world_step(scene.world, i, &flow, TCP_ESTABLISHED, TCP_CLOSE, now_ns,
				   &task);
		seen += i % 3 ? 3 : 2;
		if (i % 10 == 0) {
			collect(&scene);
			metric_groups_exported(scene.groups);
			assert_int_equal(sockets_of(&scene, TCP_ESTABLISHED), i / 3);
		}
		assert_true(metric_groups_count(scene.groups) <= LIMIT);
		while ((group = metric_groups_next(scene.groups, group))) {
			for (int from = 0; from < TCP_STATES; from++)
				for (int to = 0; to < TCP_STATES; to++)
					sum += group->transitions[from][to];
			if (!group->other)
				continue;
			assert_true(group->transitions[TCP_CLOSE][TCP_SYN_SENT] >= other);
			other = group->transitions[TCP_CLOSE][TCP_SYN_SENT];
		}
		assert_int_equal(sum, seen);
	}
	assert_in_range(other, 1000 - LIMIT, 1000);
	scene_free(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_count_for_their_owner_and_state),
		cmocka_unit_test(the_oldest_close_wait_is_the_oldest),
		cmocka_unit_test(leaks_count_while_they_are_open),
		cmocka_unit_test(findings_count_while_they_are_open),
		cmocka_unit_test(mini_sockets_count),
		cmocka_unit_test(who_is_not_watched_does_not_count),
		cmocka_unit_test(a_thousand_commands_are_all_counted_in_few_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
