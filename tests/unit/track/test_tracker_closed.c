// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Sockets that were reset or timed out, and are kept until their owner closes them. */
#include "world.h"

#include <errno.h>

#define MS NS_PER_MS

static const struct options everything;

static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task myself = {.start_ns = 9, .tgid = SELF_TGID, .comm = "tcpwatch"};

/* The listener, cookie 1, is the server's. */
static struct world *closed_world(void)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	return world;
}

/* A process accepts it, and 5 ms later it ends by the peer. */
static void lose(struct world *world, uint64_t cookie, __u32 error, __u16 flags,
		 const struct event_task *actor)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + 6 * MS);

	world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + MS, NULL);
	e.error = error;
	e.flow.flags = flags;
	if (actor)
		make_actor(&e, actor);
	world_feed(world, &e);
}

static void close_it(struct world *world, uint64_t cookie, const struct event_task *actor)
{
	struct event_flow flow = server_flow(cookie);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_CLOSE, START_NS + 9 * MS, actor);
}

static void who_closes_after_a_reset_was_the_owner(void **state)
{
	static const __u32 errors[] = {ECONNRESET, ETIMEDOUT};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct world *world = closed_world();
		struct process *process = world_process(world, &worker);
		struct process *master = world_process(world, &server);

		lose(world, 2, errors[i], EVENT_SK_SOCKET, NULL);
		assert_int_equal(world->change_count, 3); /* reported at once, as far as known */
		assert_int_equal(world_last(world)->change.lifetime_ns, 5 * MS);
		assert_ptr_equal(world_last(world)->change.owner, master);
		assert_int_equal(process_count(master, TCP_ESTABLISHED), 0);
		close_it(world, 2, &worker);
		assert_int_equal(world->change_count, 3); /* it is no transition */
		assert_int_equal(process_sum(process, TCP_ESTABLISHED), 5 * MS);
		assert_int_equal(process_transitions(process, TCP_SYN_RECV, TCP_ESTABLISHED), 1);
		assert_int_equal(process_transitions(process, TCP_CLOSE, TCP_CLOSE), 0);
		assert_int_equal(process_count(master, TCP_ESTABLISHED), 0);
		assert_int_equal(socket_table_count(world->tracker.sockets), 1);
		assert_int_equal(process->sockets, 0);
		assert_int_equal(world->tracker.gaps, 0);
		world_free(world);
	}
}

/* No close() will come, or it would show nothing new. */
static void other_ends_wait_for_nobody(void **state)
{
	struct world *world = closed_world();
	struct process *master = world_process(world, &server);

	(void)state;
	lose(world, 2, ECONNRESET, EVENT_DEAD, NULL); /* an orphaned socket */
	assert_null(world_find(world, 2));
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 1);
	lose(world, 3, 0, EVENT_SK_SOCKET, NULL);
	assert_null(world_find(world, 3));
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 2);
	/* The worker uses it: that is enough. */
	lose(world, 4, ECONNRESET, EVENT_SK_SOCKET, &worker);
	assert_null(world_find(world, 4));
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 5 * MS);
	world_free(world);
}

static void known_owners_are_not_waited_for(void **state)
{
	struct world *world = closed_world();
	struct event_flow flow = make_flow("10.0.0.1", 5000, "10.0.0.2", 443);
	struct event_transition e =
		make_transition(2, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + 6 * MS);

	(void)state;
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &worker);
	world_step(world, 2, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + MS, NULL);
	e.error = ECONNRESET;
	world_feed(world, &e);
	assert_null(world_find(world, 2));
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 5 * MS);
	world_free(world);
}

/* Thousands that are never closed: the oldest are counted for their provisional owners. */
static void only_so_many_wait(void **state)
{
	struct world *world = closed_world();
	struct process *master = world_process(world, &server);
	struct process *process = world_process(world, &worker);

	(void)state;
	for (uint64_t i = 0; i < 3 * TRACKER_CLOSED; i++) {
		lose(world, 2 + i, ECONNRESET, EVENT_SK_SOCKET, NULL);
		assert_true(socket_table_count(world->tracker.sockets) <= TRACKER_CLOSED + 1);
	}
	assert_int_equal(socket_table_count(world->tracker.sockets), TRACKER_CLOSED + 1);
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 2 * TRACKER_CLOSED);
	for (uint64_t i = 0; i < 3 * TRACKER_CLOSED; i++)
		close_it(world, 2 + i, &worker);
	assert_int_equal(process_count(process, TCP_ESTABLISHED), TRACKER_CLOSED);
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 2 * TRACKER_CLOSED);
	assert_int_equal(socket_table_count(world->tracker.sockets), 1);
	world_free(world);
}

/* A kept socket that connects again must not be removed later. */
static void a_new_life_is_not_thrown_out(void **state)
{
	struct world *world = closed_world();
	struct event_flow flow = server_flow(2);

	(void)state;
	lose(world, 2, ECONNRESET, EVENT_SK_SOCKET, NULL);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS + 9 * MS, &worker);
	assert_int_equal(process_count(world_process(world, &server), TCP_ESTABLISHED), 1);
	assert_int_equal(world->tracker.gaps, 0);
	for (uint64_t i = 0; i < 2 * TRACKER_CLOSED; i++)
		lose(world, 10 + i, ECONNRESET, EVENT_SK_SOCKET, NULL);
	assert_non_null(world_find(world, 2));
	assert_int_equal(world_find(world, 2)->state, TCP_SYN_SENT);
	world_free(world);
}

/* The record of its end was lost, and that of its close() was not. */
static void a_close_can_be_all_that_is_seen_of_an_end(void **state)
{
	struct world *world = closed_world();
	struct event_flow flow = server_flow(2);

	(void)state;
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + MS, NULL);
	world->left_count = 0;
	close_it(world, 2, &worker);
	assert_null(world_find(world, 2));
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(world->left_count, 1);
	assert_int_equal(world->left[0].state, TCP_ESTABLISHED);
	assert_int_equal(world->left[0].time_ns, 0);
	assert_int_equal(
		process_transitions(world_process(world, &worker), TCP_SYN_RECV, TCP_ESTABLISHED),
		1);
	assert_int_equal(process_count(world_process(world, &worker), TCP_ESTABLISHED), 0);
	close_it(world, 3, &worker); /* it was never known: nothing is reported */
	assert_int_equal(world->tracker.gaps, 1);
	world_free(world);
}

static void our_own_close_tells_nothing(void **state)
{
	struct world *world = closed_world();

	(void)state;
	lose(world, 2, ECONNRESET, EVENT_SK_SOCKET, NULL);
	close_it(world, 2, &myself);
	assert_null(world_find(world, 2));
	assert_int_equal(process_count(world_process(world, &server), TCP_ESTABLISHED), 1);
	world_free(world);
}

/* A scan of descriptors shows the process that still holds it. */
static void a_scan_tells_whom_they_wait_for(void **state)
{
	struct world *world = closed_world();
	struct scan_result result = scan_new(START_NS + NS_PER_S);
	struct event_flow listener = make_flow("0.0.0.0", 80, "0.0.0.0", 0), flow = server_flow(2);
	struct event_scan scan =
		make_scan(1, &listener, TCP_LISTEN, &server, 3, START_NS + NS_PER_S + MS);

	(void)state;
	lose(world, 2, ECONNRESET, EVENT_SK_SOCKET, NULL);
	lose(world, 3, ECONNRESET, EVENT_SK_SOCKET, NULL); /* no process holds it any more */
	scan_add(&result, &scan);
	scan = make_scan(2, &flow, TCP_CLOSE, &worker, 4, START_NS + NS_PER_S + MS);
	scan_add(&result, &scan);
	scan.cookie = 4; /* one that was never connected is ignored */
	scan_add(&result, &scan);
	world_reconcile(world, &result);
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 5 * MS);
	assert_int_equal(process_sum(world_process(world, &server), TCP_ESTABLISHED), 5 * MS);
	assert_null(world_find(world, 3));
	assert_null(world_find(world, 4));
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_closes_after_a_reset_was_the_owner),
		cmocka_unit_test(other_ends_wait_for_nobody),
		cmocka_unit_test(known_owners_are_not_waited_for),
		cmocka_unit_test(only_so_many_wait),
		cmocka_unit_test(a_new_life_is_not_thrown_out),
		cmocka_unit_test(a_close_can_be_all_that_is_seen_of_an_end),
		cmocka_unit_test(our_own_close_tells_nothing),
		cmocka_unit_test(a_scan_tells_whom_they_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
