// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where sockets were created, and the owner that the stack of an accept() shows. */
#include "world.h"

#include <errno.h>

#include "track/stack_tracker.h"

static const struct event_task server = {.start_ns = 5, .tgid = 100, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task client = {.start_ns = 9, .tgid = 300, .comm = "app"};

/* Call sites that record how they are called. */
struct curious {
	struct call_sites base;
	struct event_stack last;
	uint32_t id;
	size_t taken, forked;
};

static void on_taken(struct call_sites *sites, uint32_t stack, const struct event_stack *e)
{
	struct curious *curious = (struct curious *)sites;

	curious->last = *e;
	curious->id = stack;
	curious->taken++;
}

static void on_forked(struct call_sites *sites, const struct event_fork *e)
{
	assert_int_equal(e->child.tgid, worker.tgid);
	((struct curious *)sites)->forked++;
}

static const struct call_sites_ops ops = {.taken = on_taken, .forked = on_forked};

struct scene {
	struct world *world;
	struct stack_tracker stacks;
	struct curious curious;
};

static void scene_begin(struct scene *scene, const struct options *options)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	*scene = (struct scene){.world = world_new(options), .curious.base.ops = &ops};
	assert_int_equal(
		stack_tracker_init(&scene->stacks, &scene->world->tracker, &scene->curious.base),
		0);
	scene->world->intake.stacks = &scene->stacks;
	world_step(scene->world, 9, &flow, TCP_CLOSE, TCP_LISTEN, START_NS - NS_PER_S, &server);
}

static void scene_end(struct scene *scene)
{
	stack_tracker_free(&scene->stacks);
	world_free(scene->world);
}

static void come_in(struct scene *scene, uint64_t cookie)
{
	struct event_flow flow = server_flow(cookie);

	world_step(scene->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
}

static void connect_out(struct scene *scene, uint64_t cookie)
{
	struct event_flow flow = make_flow("10.0.0.1", 0, "10.0.0.2", 5432);

	world_step(scene->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
}

static void feed(struct scene *scene, uint64_t cookie, const struct event_task *task,
		 enum event_stack_how how)
{
	struct event_stack e = make_stack(cookie, task, how, START_NS);

	world_take(scene->world, &e);
}

static void sockets_have_their_stacks(void **state)
{
	struct options options = {0};
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	come_in(&scene, 1);
	come_in(&scene, 2);
	connect_out(&scene, 3);
	assert_int_equal(world_find(scene.world, 1)->stack, 0);
	feed(&scene, 1, &worker, STACK_ACCEPT);
	feed(&scene, 2, &worker, STACK_ACCEPT);
	feed(&scene, 3, &client, STACK_CONNECT);
	assert_int_equal(world_find(scene.world, 1)->stack, 1);
	assert_int_equal(world_find(scene.world, 2)->stack, 1);
	assert_int_equal(world_find(scene.world, 3)->stack, 2);
	assert_int_equal(world_find(scene.world, 9)->stack, 0);
	assert_int_equal(scene.curious.taken, 2); /* each once */
	assert_int_equal(scene.curious.id, 2);
	assert_int_equal(scene.curious.last.task.tgid, client.tgid);
	assert_int_equal(scene.stacks.taken, 3);
	connect_out(&scene, 3); /* it connects again, and its stack is not known yet */
	assert_int_equal(world_find(scene.world, 3)->stack, 0);
	scene_end(&scene);
}

static void the_acceptor_owns(void **state)
{
	struct options options = {0};
	struct tcp_socket *socket;
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	come_in(&scene, 1);
	socket = world_find(scene.world, 1);
	assert_int_equal(socket->owner_source, OWNER_LISTENER);
	feed(&scene, 1, &worker, STACK_ACCEPT);
	assert_int_equal(socket->owner_source, OWNER_ACCEPT);
	assert_ptr_equal(socket->owner, world_process(scene.world, &worker));
	/* The waiting samples are counted for it. */
	assert_int_equal(process_transitions(socket->owner, TCP_SYN_RECV, TCP_ESTABLISHED), 1);
	connect_out(&scene, 2);
	feed(&scene, 2, &worker, STACK_CONNECT); /* it shows nothing that the record did not */
	assert_int_equal(world_find(scene.world, 2)->owner->tgid, client.tgid);
	scene_end(&scene);
}

/* A socket that was reset before accept() is kept in CLOSE until its owner is known. */
static void what_was_reset_before_is_over(void **state)
{
	struct options options = {0};
	struct event_flow flow = server_flow(1);
	struct event_transition e =
		make_transition(1, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + NS_PER_MS);
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	come_in(&scene, 1);
	e.error = ECONNRESET;
	world_feed(scene.world, &e);
	assert_non_null(world_find(scene.world, 1));
	feed(&scene, 1, &worker, STACK_ACCEPT);
	assert_null(world_find(scene.world, 1));
	assert_int_equal(process_transitions(world_process(scene.world, &worker), TCP_ESTABLISHED,
					     TCP_CLOSE),
			 1);
	scene_end(&scene);
}

static void what_is_not_known_costs_nothing(void **state)
{
	struct options options = {0};
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	feed(&scene, 1, &worker, STACK_ACCEPT);
	assert_null(world_find(scene.world, 1));
	assert_int_equal(scene.curious.taken, 0);
	assert_int_equal(stack_table_count(scene.stacks.table), 0);
	scene_end(&scene);
}

/* With -p the stacks of other processes are not kept; the accepting process is known. */
static void only_watched_processes_stacks_are_kept(void **state)
{
	uint32_t pids[] = {201};
	struct options options = {.pids = pids, .pid_count = 1};
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	come_in(&scene, 1);
	connect_out(&scene, 2);
	come_in(&scene, 3);
	feed(&scene, 1, &worker, STACK_ACCEPT);
	feed(&scene, 2, &client, STACK_CONNECT);
	feed(&scene, 3, &server, STACK_ACCEPT);
	assert_int_equal(world_find(scene.world, 1)->stack, 1);
	assert_int_equal(world_find(scene.world, 2)->stack, 0);
	assert_int_equal(world_find(scene.world, 3)->stack, 0);
	assert_int_equal(world_find(scene.world, 3)->owner_source, OWNER_ACCEPT);
	assert_int_equal(stack_table_count(scene.stacks.table), 1);
	scene_end(&scene);
}

static void births_are_passed_on(void **state)
{
	struct options options = {0};
	struct event_fork fork = make_fork(&server, &worker);
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	stack_forked(&scene.stacks, &fork);
	assert_int_equal(scene.curious.forked, 1);
	scene.stacks.sites = NULL; /* no names are looked up */
	stack_forked(&scene.stacks, &fork);
	come_in(&scene, 1);
	feed(&scene, 1, &worker, STACK_ACCEPT);
	assert_int_equal(world_find(scene.world, 1)->stack, 1);
	scene_end(&scene);
}

/* More short processes than stacks are kept: every one has its stack while its socket is open. */
static void short_processes(void **state)
{
	struct options options = {0};
	struct scene scene;

	(void)state;
	scene_begin(&scene, &options);
	for (uint32_t i = 0; i < 70000; i++) {
		struct event_task task = {.start_ns = 1000 + i, .tgid = 1000 + i, .comm = "job"};
		struct event_flow flow = make_flow("10.0.0.1", 0, "10.0.0.2", 5432);
		uint64_t cookie = 100 + i;

		world_step(scene.world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &task);
		feed(&scene, cookie, &task, STACK_CONNECT);
		assert_int_not_equal(world_find(scene.world, cookie)->stack, 0);
		assert_int_equal(scene.curious.id, world_find(scene.world, cookie)->stack);
		world_step(scene.world, cookie, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS, &task);
		assert_null(world_find(scene.world, cookie));
	}
	assert_int_equal(scene.curious.taken, 70000);
	assert_int_equal(stack_table_refused(scene.stacks.table), 0);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_have_their_stacks),
		cmocka_unit_test(the_acceptor_owns),
		cmocka_unit_test(what_was_reset_before_is_over),
		cmocka_unit_test(what_is_not_known_costs_nothing),
		cmocka_unit_test(only_watched_processes_stacks_are_kept),
		cmocka_unit_test(births_are_passed_on),
		cmocka_unit_test(short_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
