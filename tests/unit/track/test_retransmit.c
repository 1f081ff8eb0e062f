// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include <errno.h>

#include "track/owner.h"
#include "track/retransmit.h"

#define MS NS_PER_MS

static const struct options everything;

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "worker"};

static const uint64_t LISTENER = 1, SOCKET = 2;

/* The listener is the server's. */
static struct world *segment_world(const struct options *options)
{
	struct world *world = world_new_full(options);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	world->tracker.tick_ns = 4 * MS;
	world_step(world, LISTENER, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	return world;
}

static struct event_flow client_flow(void)
{
	return make_flow("10.0.0.2", 40000, "10.0.0.1", 80);
}

static void connect_it(struct world *world)
{
	struct event_flow flow = client_flow();

	world_step(world, SOCKET, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS + MS, &client);
}

/* Comes in by the listener, and nobody is known to have accepted it. */
static void come_in(struct world *world)
{
	struct event_flow flow = server_flow(SOCKET);

	world_step(world, SOCKET, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + MS, NULL);
}

static void feed(struct world *world, uint64_t cookie, const struct event_flow *flow,
		 enum event_segment_what what, unsigned int state, uint64_t time_ns)
{
	struct event_segment e = make_segment(cookie, flow, what, state, time_ns);

	world_feed_segment(world, &e);
}

static const struct segment_count *counts(struct world *world, const struct event_task *task)
{
	return &world_process(world, task)->segments;
}

static struct segment_trouble *find(struct world *world, uint64_t cookie)
{
	return segment_table_find(world->tracker.segments, cookie);
}

static void what_a_client_repeats_is_its_own(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = client_flow();

	(void)state;
	connect_it(world);
	assert_null(find(world, SOCKET));
	for (uint64_t i = 1; i <= 3; i++)
		feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_SYN_SENT,
		     START_NS + i * 1000 * MS);
	assert_int_equal(counts(world, &client)->repeated[TCP_SYN_SENT], 3);
	assert_int_equal(segment_count_repeated(counts(world, &client)), 3);
	assert_false(segment_count_any(counts(world, &server)));
	assert_int_equal(find(world, SOCKET)->repeated, 3);
	assert_int_equal(find(world, SOCKET)->first_ns, START_NS + 1000 * MS);
	assert_int_equal(find(world, SOCKET)->last_ns, START_NS + 3000 * MS);
	world_free(world);
}

static void the_entry_is_as_of_the_last_record(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = client_flow();
	struct event_segment e =
		make_segment(SOCKET, &flow, SEGMENT_REPEATED, TCP_SYN_SENT, START_NS + 900 * MS);
	const struct segment_trouble *trouble;

	(void)state;
	connect_it(world);
	e.unacknowledged = 1;
	e.last_received_ticks = 100; /* of no meaning before the first ACK */
	world_feed_segment(world, &e);
	trouble = find(world, SOCKET);
	assert_int_equal(trouble->state, TCP_SYN_SENT);
	assert_int_equal(trouble->last_received_ns, 0);
	assert_false(trouble->keepalive);
	e.state = TCP_ESTABLISHED;
	e.time_ns += 1000 * MS;
	e.timeouts = 4;
	e.backoff = 3;
	e.unacknowledged = 70000;
	e.flow.flags |= EVENT_KEEPALIVE;
	world_feed_segment(world, &e);
	assert_ptr_equal(find(world, SOCKET), trouble);
	assert_int_equal(trouble->state, TCP_ESTABLISHED);
	assert_int_equal(trouble->timeouts, 4);
	assert_int_equal(trouble->backoff, 3);
	assert_int_equal(trouble->unacknowledged, 70000);
	assert_int_equal(trouble->last_received_ns, START_NS + 1500 * MS);
	assert_true(trouble->keepalive);
	assert_int_equal(trouble->repeated, 2);
	/* More than the clock has run: not known. */
	e.last_received_ticks = UINT32_MAX;
	world_feed_segment(world, &e);
	assert_int_equal(trouble->last_received_ns, 0);
	world_free(world);
}

static void synacks_are_the_listeners(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = server_flow(9);

	(void)state;
	feed(world, LISTENER, &flow, SEGMENT_SYNACK_REPEATED, TCP_SYN_RECV, START_NS + MS);
	feed(world, LISTENER, &flow, SEGMENT_SYNACK_REPEATED, TCP_SYN_RECV, START_NS + 2 * MS);
	assert_int_equal(counts(world, &server)->repeated[TCP_SYN_RECV], 2);
	assert_int_equal(find(world, LISTENER)->synacks, 2);
	assert_int_equal(find(world, LISTENER)->repeated, 0);
	world_free(world);
}

/* The listener's process is not sure to be the one that serves the connection. */
static void what_has_no_sure_owner_waits_for_him(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = server_flow(SOCKET);

	(void)state;
	come_in(world);
	feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS + 2 * MS);
	feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS + 3 * MS);
	assert_false(segment_count_any(counts(world, &server)));
	segment_settle(&world->tracker, START_NS + 4 * MS);
	assert_false(segment_count_any(counts(world, &server)));
	owner_learn(world_find(world, SOCKET), world_process(world, &worker), OWNER_ACCEPT);
	segment_settle(&world->tracker, START_NS + 5 * MS);
	assert_int_equal(counts(world, &worker)->repeated[TCP_ESTABLISHED], 2);
	feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS + 6 * MS);
	assert_int_equal(counts(world, &worker)->repeated[TCP_ESTABLISHED], 3);
	assert_false(segment_count_any(counts(world, &server)));
	world_free(world);
}

static void the_wait_ends_with_the_socket_or_with_patience(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct world *world = segment_world(&everything);
		struct event_flow flow = server_flow(SOCKET);
		uint64_t began_ns = START_NS + 2 * MS;

		come_in(world);
		feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, began_ns);
		segment_settle(&world->tracker, began_ns + SEGMENT_WAIT_NS);
		assert_false(segment_count_any(counts(world, &server)));
		if (how == 0)
			segment_settle(&world->tracker, began_ns + SEGMENT_WAIT_NS + 1);
		else if (how == 1)
			tracker_settle_all(&world->tracker);
		else if (how == 2)
			tracker_remove(&world->tracker, world_find(world, SOCKET));
		else /* the worker closes it */
			world_step(world, SOCKET, &flow, TCP_ESTABLISHED, TCP_CLOSE,
				   START_NS + 9 * MS, &worker);
		assert_int_equal(
			counts(world, how == 3 ? &worker : &server)->repeated[TCP_ESTABLISHED], 1);
		tracker_settle_all(&world->tracker);
		assert_int_equal(counts(world, &server)->repeated[TCP_ESTABLISHED] +
					 counts(world, &worker)->repeated[TCP_ESTABLISHED],
				 1);
		assert_int_equal(find(world, SOCKET) == NULL, how >= 2);
		world_free(world);
	}
}

/* close() that resets: the state changes first, then the reset is sent. */
static void a_reset_after_the_end_is_the_owners(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = server_flow(SOCKET);
	struct event_transition e =
		make_transition(SOCKET, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + 2 * MS);

	(void)state;
	come_in(world);
	e.shutdown = 3;
	e.recv_queue = 5;
	make_actor(&e, &worker);
	world_feed(world, &e);
	assert_null(world_find(world, SOCKET));
	feed(world, SOCKET, &flow, SEGMENT_RESET_SENT, TCP_CLOSE, START_NS + 2 * MS);
	assert_int_equal(counts(world, &worker)->resets_sent, 1);
	assert_false(segment_count_any(counts(world, &server)));
	assert_null(find(world, SOCKET));
	world_free(world);
}

static void ended_sockets_are_remembered_for_a_while(void **state)
{
	struct world *world = segment_world(&everything);
	struct process *process = world_process(world, &client);
	struct event_flow flow = client_flow();
	uint64_t count = 2 * SEGMENT_ENDED + 3;

	(void)state;
	for (uint64_t cookie = 10; cookie < 10 + count; cookie++) {
		world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
		world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS, NULL);
	}
	tracker_settle_all(&world->tracker);
	assert_int_equal(process->ended, SEGMENT_ENDED); /* and what was before is let go */
	for (uint64_t cookie = 10; cookie < 10 + count; cookie++)
		feed(world, cookie, &flow, SEGMENT_RESET_SENT, TCP_CLOSE, START_NS);
	assert_int_equal(process->segments.resets_sent, SEGMENT_ENDED);
	assert_int_equal(process_table_unknown(world->tracker.processes)->segments.resets_sent,
			 count - SEGMENT_ENDED);
	world_free(world);
}

static void a_reset_received_is_counted(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = client_flow();

	(void)state;
	connect_it(world);
	feed(world, SOCKET, &flow, SEGMENT_RESET_RECEIVED, TCP_SYN_SENT, START_NS + 2 * MS);
	assert_int_equal(counts(world, &client)->resets_received, 1);
	world_step(world, SOCKET, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS + 2 * MS, NULL);
	assert_int_equal(counts(world, &client)->resets_received, 1);
	assert_null(find(world, SOCKET));
	world_free(world);
}

/* In FIN_WAIT1 and FIN_WAIT2 it may have been data, which then is answered by a reset. */
static void data_after_close_is_no_reset_received(void **state)
{
	static const unsigned int states[] = {TCP_FIN_WAIT1, TCP_FIN_WAIT2};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world *world = segment_world(&everything);
		struct event_flow flow = client_flow();
		struct event_transition e =
			make_transition(SOCKET, &flow, states[i % 2], TCP_CLOSE, START_NS + 5 * MS);
		bool data = i < 2;

		connect_it(world);
		world_step(world, SOCKET, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + MS,
			   NULL);
		world_step(world, SOCKET, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + 2 * MS,
			   NULL);
		if (states[i % 2] == TCP_FIN_WAIT2)
			world_step(world, SOCKET, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
				   START_NS + 3 * MS, NULL);
		feed(world, SOCKET, &flow, SEGMENT_RESET_RECEIVED, states[i % 2],
		     START_NS + 5 * MS);
		assert_false(segment_count_any(counts(world, &client)));
		e.error = ECONNRESET;
		e.shutdown = 3;
		e.flow.flags = EVENT_DEAD | (data ? EVENT_RESET_SENT : 0);
		world_feed(world, &e);
		assert_int_equal(world_last(world)->change.cause,
				 data ? CAUSE_RESET_SENT : CAUSE_RESET_RECEIVED);
		if (data)
			feed(world, SOCKET, &flow, SEGMENT_RESET_SENT, TCP_CLOSE,
			     START_NS + 5 * MS);
		assert_int_equal(counts(world, &client)->resets_received, !data);
		assert_int_equal(counts(world, &client)->resets_sent, data);
		world_free(world);
	}
}

static void sockets_that_are_not_known_are_nobodys(void **state)
{
	struct world *world = segment_world(&everything);
	struct event_flow flow = client_flow();

	(void)state;
	feed(world, 77, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS);
	assert_int_equal(
		process_table_unknown(world->tracker.processes)->segments.repeated[TCP_ESTABLISHED],
		1);
	assert_null(find(world, 77));
	world_free(world);
}

static void filters_hold(void **state)
{
	uint16_t ports[] = {443};
	char names[][16] = {"curl"};
	const struct options by_port = {.remote_ports = ports, .remote_port_count = 1};
	const struct options by_name = {.comms = names, .comm_count = 1};
	struct world *world = segment_world(&by_port);
	struct event_flow flow = client_flow(),
			  wanted = make_flow("10.0.0.2", 41000, "10.0.0.1", 443);
	struct event_flow request = server_flow(9);

	(void)state;
	connect_it(world);
	feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_SYN_SENT, START_NS + 2 * MS);
	feed(world, LISTENER, &request, SEGMENT_SYNACK_REPEATED, TCP_SYN_RECV, START_NS + 2 * MS);
	assert_int_equal(segment_table_count(world->tracker.segments), 0);
	world_step(world, 3, &wanted, TCP_CLOSE, TCP_SYN_SENT, START_NS + MS, &client);
	feed(world, 3, &wanted, SEGMENT_REPEATED, TCP_SYN_SENT, START_NS + 2 * MS);
	assert_int_equal(segment_count_repeated(counts(world, &client)), 1);
	assert_false(segment_count_any(counts(world, &server)));
	world_free(world);

	world = segment_world(&by_name);
	connect_it(world);
	feed(world, SOCKET, &flow, SEGMENT_REPEATED, TCP_SYN_SENT, START_NS + 2 * MS);
	feed(world, LISTENER, &request, SEGMENT_SYNACK_REPEATED, TCP_SYN_RECV, START_NS + 2 * MS);
	assert_int_equal(segment_count_repeated(counts(world, &client)), 1);
	assert_false(segment_count_any(counts(world, &server)));
	world_free(world);
}

/* Those that had no trouble for longest go, and what waits in them is counted. */
static void there_are_never_too_many(void **state)
{
	struct world *world = segment_world(&everything);

	(void)state;
	for (uint64_t cookie = 10; cookie < 10 + SEGMENT_TABLE_LIMIT + 5; cookie++) {
		struct event_flow flow = server_flow(cookie);

		world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
		feed(world, cookie, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS + cookie);
	}
	assert_int_equal(segment_table_count(world->tracker.segments), SEGMENT_TABLE_LIMIT);
	assert_int_equal(world->tracker.segments_evicted, 5);
	assert_null(find(world, 14));
	assert_non_null(find(world, 15));
	assert_int_equal(counts(world, &server)->repeated[TCP_ESTABLISHED], 5);
	tracker_settle_all(&world->tracker);
	assert_int_equal(counts(world, &server)->repeated[TCP_ESTABLISHED],
			 SEGMENT_TABLE_LIMIT + 5);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_client_repeats_is_its_own),
		cmocka_unit_test(the_entry_is_as_of_the_last_record),
		cmocka_unit_test(synacks_are_the_listeners),
		cmocka_unit_test(what_has_no_sure_owner_waits_for_him),
		cmocka_unit_test(the_wait_ends_with_the_socket_or_with_patience),
		cmocka_unit_test(a_reset_after_the_end_is_the_owners),
		cmocka_unit_test(ended_sockets_are_remembered_for_a_while),
		cmocka_unit_test(a_reset_received_is_counted),
		cmocka_unit_test(data_after_close_is_no_reset_received),
		cmocka_unit_test(sockets_that_are_not_known_are_nobodys),
		cmocka_unit_test(filters_hold),
		cmocka_unit_test(there_are_never_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
