// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The reconciler: owners, roles and ports that a scan shows. */
#include "world.h"

#define MS	NS_PER_MS
#define SCAN_NS (START_NS + NS_PER_S)

static const struct options everything;

static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task myself = {.start_ns = 1, .tgid = SELF_TGID, .comm = "tcpwatch"};
static const struct event_task invisible = {.start_ns = 2, .comm = "elsewhere"};

static void the_oldest_holder_owns_and_the_only_one_gets_samples(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct process *old = world_process(world, &server), *young = world_process(world, &worker);
	struct event_flow flow = server_flow(1);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 2; cookie++) {
		world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
		world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS + 5 * MS,
			   NULL);
	}
	scan_add_socket(&result, 1, TCP_CLOSE_WAIT, &worker);
	scan_add_socket(&result, 2, TCP_CLOSE_WAIT, &worker);
	scan_add_socket(&result, 2, TCP_CLOSE_WAIT, &server);
	world_reconcile(world, &result);
	assert_ptr_equal(world_find(world, 1)->owner, young);
	assert_int_equal(process_sum(young, TCP_ESTABLISHED), 5 * MS);
	assert_ptr_equal(world_find(world, 2)->owner, old);
	assert_int_equal(process_count(old, TCP_ESTABLISHED), 0);
	/* The process that closes it is the owner. */
	world_step(world, 2, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, SCAN_NS + MS, &worker);
	assert_int_equal(process_sum(young, TCP_ESTABLISHED), 10 * MS);
	assert_int_equal(process_count(old, TCP_ESTABLISHED), 0);
	world_free(world);
}

static void one_process_with_two_descriptors_is_the_only_holder(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	for (uint32_t fd = 3; fd < 6; fd++) {
		struct event_scan scan =
			make_scan(1, &flow, TCP_ESTABLISHED, &server, fd, SCAN_NS + MS);

		scan_add(&result, &scan);
	}
	world_reconcile(world, &result);
	assert_int_equal(
		process_transitions(world_process(world, &server), TCP_SYN_RECV, TCP_ESTABLISHED),
		1);
	world_free(world);
}

/* tcpwatch owns its own descriptors: those of the web server. */
static void we_are_a_holder_like_any_other(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &worker);
	scan_add_socket(&result, 2, TCP_ESTABLISHED, &myself);
	world_reconcile(world, &result);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &worker));
	assert_int_equal(
		process_transitions(world_process(world, &worker), TCP_SYN_RECV, TCP_ESTABLISHED),
		1);
	assert_ptr_equal(world_find(world, 2)->owner, world_process(world, &myself));
	world_free(world);
}

/* A holder in another pid namespace cannot be named, but there are several holders then. */
static void invisible_holders_count(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &invisible); /* the older process */
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &worker);
	world_reconcile(world, &result);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &worker));
	assert_int_equal(
		process_transitions(world_process(world, &worker), TCP_SYN_RECV, TCP_ESTABLISHED),
		0);
	world_free(world);
}

static void connections_of_found_listeners_came_in(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);

	(void)state;
	scan_add_socket(&result, 1, TCP_ESTABLISHED,
			NULL); /* unaccepted: before the listener in the scan */
	scan_add_listener(&result, 2, 80, &server, 3, 0);
	scan_add_socket(&result, 3, TCP_ESTABLISHED, &worker);
	scan_add_listener(&result, 4, 81, NULL, 3, 0);
	world_reconcile(world, &result);
	assert_int_equal(world_find(world, 2)->role, ROLE_SERVER);
	assert_int_equal(world_find(world, 1)->role, ROLE_SERVER);
	assert_int_equal(world_find(world, 1)->owner_source, OWNER_LISTENER);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &server));
	assert_int_equal(world_find(world, 3)->role, ROLE_SERVER);
	assert_int_equal(world_find(world, 3)->owner_source, OWNER_SNAPSHOT);
	assert_ptr_equal(world_find(world, 3)->owner, world_process(world, &worker));
	world_free(world);
}

/* listen() without bind(): the kernel chooses the port after the state has changed. */
static void listeners_learn_their_port(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = make_flow("0.0.0.0", 0, "0.0.0.0", 0);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	assert_int_equal(world->tracker.gaps, 1); /* so that a scan is made */
	scan_add_listener(&result, 1, 40001, &server, 3, 0);
	world_reconcile(world, &result);
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(world_find(world, 1)->state, TCP_LISTEN);
	assert_int_equal(world_find(world, 1)->flow.local_port, 40001);
	flow = make_flow("10.0.0.1", 40001, "10.0.0.2", 5000);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, SCAN_NS + 9 * MS, NULL);
	assert_ptr_equal(world_last(world)->change.owner, world_process(world, &server));
	world_free(world);
}

static void ports_that_were_learned_are_filtered(void **state)
{
	static uint16_t ports[] = {40001};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = world_new(&options);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = make_flow("0.0.0.0", 0, "0.0.0.0", 0);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	assert_true(world_find(world, 1)->hidden);
	scan_add_listener(&result, 1, 40001, &server, 3, 0);
	scan_add_listener(&result, 2, 40002, &server, 3, 0);
	world_reconcile(world, &result);
	assert_false(world_find(world, 1)->hidden);
	assert_null(world_find(world, 2));
	world_free(world);
}

static void filters_hold_for_found_sockets(void **state)
{
	static uint16_t ports[] = {80};
	static const struct options options = {.remote_ports = ports, .remote_port_count = 1};
	struct world *world = world_new(&options);
	struct scan_result result = scan_new(SCAN_NS);

	(void)state;
	scan_add_socket(&result, 1, TCP_ESTABLISHED, &server); /* its remote port is 1025 */
	scan_add_listener(&result, 2, 80, &server, 3, 0);
	world_reconcile(world, &result);
	assert_null(world_find(world, 1));
	assert_non_null(world_find(world, 2));
	assert_true(world_find(world, 2)
			    ->hidden); /* it is needed for the connections that come in by it */
	assert_int_equal(world->found_count, 1);
	world_free(world);
}

static bool lives(void *context, uint32_t tgid)
{
	return tgid != *(const uint32_t *)context;
}

/* Those who hold a listener, before the process that called listen(). */
static void listeners_are_their_holders(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	uint32_t ended = server.tgid;

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	scan_add_socket(&result, 1, TCP_LISTEN, NULL);
	scan_result_finish(&result);
	/* In transit, or not in a descriptor: its owner's for as long as that runs. */
	reconcile_listeners(&world->tracker, &result, lives, &(uint32_t){0});
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &server));
	reconcile_listeners(&world->tracker, &result, lives, &ended);
	assert_null(world_find(world, 1)->owner);
	scan_add_socket(&result, 1, TCP_LISTEN, &worker);
	scan_result_finish(&result);
	reconcile_listeners(&world->tracker, &result, lives, &ended);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &worker));
	scan_result_clear(&result);
	world_free(world);
}

/* Connections that are older than tcpwatch, at a listener of another address. */
static void what_waits_is_its_listeners(void **state)
{
	struct world *world = world_new(&everything);
	struct scan_result result = scan_new(SCAN_NS);

	(void)state;
	scan_add_listener(&result, 10, 80, &server, 3, 0);
	scan_add_listener(&result, 11, 15001, &worker, 3, 1);
	for (uint64_t cookie = 1; cookie <= 2; cookie++) {
		struct event_flow flow = server_flow(cookie);
		struct event_scan scan =
			make_scan(cookie, &flow, TCP_ESTABLISHED, NULL, 0, SCAN_NS);

		scan.flow.flags = cookie == 2 ? EVENT_REDIRECTED | EVENT_SK_SOCKET : 0;
		scan_add(&result, &scan);
	}
	assert_int_equal(accept_queues_add(&result.queues, 11, 1), 0);
	world_reconcile(world, &result);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &worker));
	assert_int_equal(world_find(world, 1)->role, ROLE_SERVER);
	/* Accepted by somebody; its address says nothing. */
	assert_null(world_find(world, 2)->owner);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_holder_owns_and_the_only_one_gets_samples),
		cmocka_unit_test(one_process_with_two_descriptors_is_the_only_holder),
		cmocka_unit_test(we_are_a_holder_like_any_other),
		cmocka_unit_test(invisible_holders_count),
		cmocka_unit_test(connections_of_found_listeners_came_in),
		cmocka_unit_test(listeners_learn_their_port),
		cmocka_unit_test(ports_that_were_learned_are_filtered),
		cmocka_unit_test(filters_hold_for_found_sockets),
		cmocka_unit_test(listeners_are_their_holders),
		cmocka_unit_test(what_waits_is_its_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
