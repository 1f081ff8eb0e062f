// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Each kind of record reaches its module; what the modules make of it is their tests' matter. */
#include "kernel.h"

static const struct event_task nginx = {.start_ns = 5, .tgid = 100, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};

static struct {
	size_t children, executed;
	bool gone; /* children have exited already */
} seen;

static bool watch_child(void *context, uint32_t tgid)
{
	assert_ptr_equal(context, &seen);
	assert_in_range(tgid, worker.tgid, UINT32_MAX);
	seen.children++;
	return !seen.gone;
}

static void on_executed(struct source *source, const struct event_exec *e)
{
	(void)source;
	assert_int_equal(e->task.tgid, nginx.tgid);
	seen.executed++;
}

struct scene {
	struct kernel kernel;
	struct world *world;
	struct intake *intake;
};

static void scene_begin(struct scene *scene, const struct options *options)
{
	scene->world = world_new_full(options);
	scene->intake = &scene->world->intake;
	kernel_init(&scene->kernel, scene->world);
	scene->intake->watch_child = watch_child;
	scene->intake->context = &seen;
	memset(&seen, 0, sizeof(seen));
}

static void drain(struct scene *scene)
{
	assert_int_equal(intake_drain(scene->intake), 0);
}

static void what_makes_no_sense_counts_as_lost(void **state)
{
	static const struct options everything;
	struct event_header header = {.kind = EVENT_TRANSITION, .size = sizeof(header)};
	struct scene scene;

	(void)state;
	scene_begin(&scene, &everything);
	intake_record(scene.intake, &header, sizeof(header));
	assert_int_equal(scene.world->ledger.lost[LOST_MALFORMED], 1);
	assert_int_equal(scene.world->ledger.delivered, 0);
	world_free(scene.world);
}

static void each_kind_has_its_module(void **state)
{
	static const struct options everything;
	struct event_flow flow = server_flow(1), listener = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_transition listens =
		make_transition(9, &listener, TCP_CLOSE, TCP_LISTEN, START_NS - NS_PER_S);
	struct event_transition opened =
		make_transition(1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS - 2 * NS_PER_MS);
	struct event_accept accepted =
		make_accept(1, &flow, TCP_ESTABLISHED, START_NS - NS_PER_MS, &nginx);
	struct event_segment segment =
		make_segment(1, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS);
	struct scene scene;

	(void)state;
	scene_begin(&scene, &everything);
	make_actor(&listens, &nginx);
	kernel_tell(&scene.kernel, &listens);
	kernel_tell(&scene.kernel, &opened);
	kernel_tell(&scene.kernel, &accepted);
	kernel_tell(&scene.kernel, &segment);
	drain(&scene);
	assert_int_equal(scene.world->ledger.delivered, 4);
	assert_int_equal(scene.world->change_count, 2);
	assert_int_equal(scene.world->accepted_count, 1);
	assert_non_null(retransmit_table_find(scene.world->tracker.retransmits, 1));
	world_free(scene.world);
}

/* FIN_WAIT1 > FIN_WAIT2 waits a while for what comes with the same segment. */
static void transitions_that_are_held_back_come_later(void **state)
{
	static const struct options everything;
	struct event_flow flow = server_flow(1);
	struct event_transition held =
		make_transition(1, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS);
	struct scene scene;

	(void)state;
	scene_begin(&scene, &everything);
	kernel_tell(&scene.kernel, &held);
	drain(&scene);
	assert_int_equal(scene.world->change_count, 0);
	scene.kernel.now_ns += COALESCE_HOLD_NS;
	drain(&scene);
	assert_int_equal(scene.world->change_count, 1);
	held.cookie = 2;
	held.time_ns = scene.kernel.now_ns;
	intake_record(scene.intake, &held, held.header.size);
	assert_int_equal(scene.world->change_count, 1);
	intake_flush(scene.intake);
	assert_int_equal(scene.world->change_count, 2);
	world_free(scene.world);
}

/* Two ends look like others but for the reset that follows. */
static void a_reset_releases_the_end_before_it(void **state)
{
	static const struct options everything;
	struct event_flow flow = server_flow(1);
	struct event_transition end = make_transition(1, &flow, TCP_FIN_WAIT2, TCP_CLOSE, START_NS);
	struct event_segment reset =
		make_segment(1, &flow, SEGMENT_RESET_SENT, TCP_FIN_WAIT2, START_NS);
	struct scene scene;

	(void)state;
	scene_begin(&scene, &everything);
	end.error = ECONNRESET;
	end.shutdown = 3;
	intake_record(scene.intake, &end, end.header.size);
	assert_int_equal(scene.world->change_count, 0);
	intake_record(scene.intake, &reset, reset.header.size);
	assert_int_equal(scene.world->change_count, 1);
	world_free(scene.world);
}

#define CHILDREN 5000

/* Is the first child still known after so many others were born? Those that exited are forgotten
 * after a while. */
static bool is_known_after_many(bool gone)
{
	uint32_t pids[] = {nginx.tgid};
	struct options options = {.pids = pids, .pid_count = 1, .follow_forks = true};
	struct event_fork fork = make_fork(&nginx, &worker);
	struct scene scene;
	bool known;

	scene_begin(&scene, &options);
	seen.gone = gone;
	world_process(scene.world, &nginx);
	for (int i = 0; i < CHILDREN; i++, fork.child.tgid++) {
		intake_record(scene.intake, &fork, sizeof(fork));
		intake_record(scene.intake, &fork, sizeof(fork)); /* not new any more */
	}
	assert_int_equal(seen.children, CHILDREN);
	known = filter_has_process(scene.world->watched, worker.tgid, worker.start_ns, "");
	world_free(scene.world);
	return known;
}

static void children_that_are_gone_count_as_exited(void **state)
{
	(void)state;
	assert_true(is_known_after_many(false));
	assert_false(is_known_after_many(true));
}

static void programs_of_watched_processes_are_told_to_the_source(void **state)
{
	char comms[1][16] = {"nginx"};
	struct options options = {.comms = comms, .comm_count = 1};
	struct event_exec exec = {
		.header = {EVENT_EXEC, EVENT_VERSION, sizeof(exec), NETNS},
		.time_ns = START_NS,
		.task = nginx,
	};
	struct source_ops ops;
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	intake_record(scene.intake, &exec, sizeof(exec)); /* a source that does not care */
	ops = *scene.kernel.source.ops;
	ops.executed = on_executed;
	scene.kernel.source.ops = &ops;
	intake_record(scene.intake, &exec, sizeof(exec));
	assert_int_equal(seen.executed, 1);
	exec.task = make_task(300, 9, "curl");
	intake_record(scene.intake, &exec, sizeof(exec));
	assert_int_equal(seen.executed, 1);
	assert_int_equal(scene.world->ledger.delivered, 3);
	world_free(scene.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_no_sense_counts_as_lost),
		cmocka_unit_test(each_kind_has_its_module),
		cmocka_unit_test(transitions_that_are_held_back_come_later),
		cmocka_unit_test(a_reset_releases_the_end_before_it),
		cmocka_unit_test(children_that_are_gone_count_as_exited),
		cmocka_unit_test(programs_of_watched_processes_are_told_to_the_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
