// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include <errno.h>

#define MS   NS_PER_MS
#define BOTH 3

static const struct options everything;

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task myself = {.start_ns = 9, .tgid = SELF_TGID, .comm = "tcpwatch"};

/* One record, and the expected change. */
struct step {
	unsigned int from;
	unsigned int to;
	uint64_t at_ns; /* after START_NS */
	uint64_t lifetime_ns;
	enum owner_source source;
	const struct event_task *actor;
	enum cause cause;
	__u16 flags; /* in addition to EVENT_SK_SOCKET */
	__u8 shutdown;
	__u32 srtt_us;
};

static struct event_flow client_flow(uint64_t cookie)
{
	return make_flow("10.0.0.2", (uint16_t)(1024 + cookie), "10.0.0.1", 80);
}

static void listen_on_80(struct world *world, uint64_t cookie, const struct event_task *task)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, task);
}

static void play(struct world *world, uint64_t cookie, const struct event_flow *flow,
		 const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		struct event_transition e =
			make_transition(cookie, flow, step->from, step->to, START_NS + step->at_ns);
		size_t before = world->change_count;
		const struct change *change;

		if (step->actor)
			make_actor(&e, step->actor);
		e.flow.flags |= step->flags;
		e.shutdown = step->shutdown;
		e.srtt_us = step->srtt_us;
		if (step->from == TCP_CLOSE)
			e.flow.local_port = 0;
		world_feed(world, &e);
		assert_int_equal(world->change_count, before + 1);
		change = &world_last(world)->change;
		assert_int_equal(change->cookie, cookie);
		assert_int_equal(change->time_ns, e.time_ns);
		assert_int_equal(change->from, step->from);
		assert_int_equal(change->to, step->to);
		if (change->lifetime_ns != step->lifetime_ns)
			fail_msg("step %zu: %lld ns", i, (long long)change->lifetime_ns);
		assert_int_equal(change->owner_source, step->source);
		assert_int_equal(change->cause, step->cause);
	}
}

static void client_that_closes_first(void **state)
{
	static const struct step steps[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 0, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0, 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 20 * MS, 20 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
		{TCP_ESTABLISHED, TCP_FIN_WAIT1, 520 * MS, 500 * MS, OWNER_CONNECT, &client, 0, 0,
		 BOTH, 0},
		{TCP_FIN_WAIT1, TCP_FIN_WAIT2, 540 * MS, 20 * MS, OWNER_CONNECT, NULL, 0,
		 EVENT_DEAD, BOTH, 0},
		{TCP_FIN_WAIT2, TCP_CLOSE, 600 * MS, 60 * MS, OWNER_CONNECT, NULL, CAUSE_TIME_WAIT,
		 EVENT_DEAD | EVENT_DONE, BOTH, 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);
	struct process *process;

	(void)state;
	play(world, 1, &flow, steps, 1);
	assert_int_equal(world_last(world)->flow.local_port, 0);
	play(world, 1, &flow, steps + 1, ARRAY_SIZE(steps) - 1);
	process = world_process(world, &client);
	for (size_t i = 0; i < world->change_count; i++) {
		assert_ptr_equal(world->changes[i].change.owner, process);
		assert_int_equal(world->changes[i].change.role, ROLE_CLIENT);
		assert_int_equal(world->changes[i].flow.remote_port, 80);
		assert_int_equal(world->changes[i].flow.local_port, i ? 1025 : 0);
		assert_int_equal(process_transitions(process, steps[i].from, steps[i].to), 1);
	}
	assert_int_equal(process_count(process, TCP_CLOSE), 0);
	assert_int_equal(process_sum(process, TCP_SYN_SENT), 20 * MS);
	assert_int_equal(process_sum(process, TCP_ESTABLISHED), 500 * MS);
	assert_int_equal(process_sum(process, TCP_FIN_WAIT1), 20 * MS);
	assert_int_equal(process_sum(process, TCP_FIN_WAIT2), 60 * MS);
	assert_int_equal(process->sockets, 1); /* a mini-socket goes on */
	assert_int_equal(socket_table_count(world->tracker.sockets), 0);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

static void server_whose_client_closes_first(void **state)
{
	static const struct step steps[] = {
		{TCP_SYN_RECV, TCP_ESTABLISHED, 0, 1234000, OWNER_LISTENER, NULL, 0, 0, 0, 1234},
		{TCP_ESTABLISHED, TCP_CLOSE_WAIT, 400 * MS, 400 * MS, OWNER_LISTENER, NULL, 0,
		 EVENT_DONE, 1, 0},
		{TCP_CLOSE_WAIT, TCP_LAST_ACK, 450 * MS, 50 * MS, OWNER_CLOSE, &server, 0,
		 EVENT_DONE, BOTH, 0},
		{TCP_LAST_ACK, TCP_CLOSE, 451 * MS, 1 * MS, OWNER_CLOSE, NULL, CAUSE_FIN,
		 EVENT_DONE | EVENT_DEAD, BOTH, 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(2);
	struct process *process;

	(void)state;
	listen_on_80(world, 1, &server);
	assert_int_equal(world_last(world)->change.role, ROLE_SERVER);
	assert_int_equal(world_last(world)->change.owner_source, OWNER_LISTEN);
	play(world, 2, &flow, steps, ARRAY_SIZE(steps));
	process = world_process(world, &server);
	for (size_t i = 1; i < world->change_count; i++) {
		assert_ptr_equal(world->changes[i].change.owner, process);
		assert_int_equal(world->changes[i].change.role, ROLE_SERVER);
	}
	assert_int_equal(process_sum(process, TCP_SYN_RECV), 1234000);
	assert_int_equal(process_sum(process, TCP_ESTABLISHED), 400 * MS);
	assert_int_equal(process_sum(process, TCP_CLOSE_WAIT), 50 * MS);
	assert_int_equal(process_sum(process, TCP_LAST_ACK), 1 * MS);
	assert_int_equal(socket_table_count(world->tracker.sockets), 1);
	assert_int_equal(process->sockets, 1); /* the listener */
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* bind() chose the port, the route chooses the address. */
static void a_client_learns_its_address(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 5000, "10.0.0.1", 80);
	char text[ENDPOINT_TEXT_LEN];

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	assert_string_equal(flow_format_local(&world_last(world)->flow, text), "0.0.0.0:5000");
	flow = make_flow("10.0.0.2", 5000, "10.0.0.1", 80);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + MS, NULL);
	assert_string_equal(flow_format_local(&world_last(world)->flow, text), "10.0.0.2:5000");
	/* At the end the kernel has cleared some of it. */
	flow = make_flow("0.0.0.0", 0, "10.0.0.1", 80);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + 2 * MS, NULL);
	assert_string_equal(flow_format_local(&world_last(world)->flow, text), "10.0.0.2:5000");
	world_free(world);
}

/* SYN_SENT>SYN_RECV is a real socket: its time is measured, not taken from the round trip. */
static void simultaneous_open(void **state)
{
	static const struct step steps[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 0, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0, 0, 0},
		{TCP_SYN_SENT, TCP_SYN_RECV, 5 * MS, 5 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
		{TCP_SYN_RECV, TCP_ESTABLISHED, 9 * MS, 4 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 7777},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	play(world, 1, &flow, steps, ARRAY_SIZE(steps));
	assert_int_equal(world_last(world)->change.role, ROLE_CLIENT);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

static void round_trips_tell_the_time_in_syn_recv(void **state)
{
	static const struct {
		__u32 srtt_us;
		__u8 retransmits;
		uint64_t wanted;
	} cases[] = {
		{1, 0, 1000},
		{999, 0, 999000},
		{200411, 0, 200411000},
		{4000001, 0, 4000001000}, /* more than 32 bits of nanoseconds */
		{0, 0, DURATION_UNKNOWN}, /* not measured */
		{200411, 1, DURATION_UNKNOWN},
		{200411, 255, DURATION_UNKNOWN},
		{1000, 0, DURATION_UNKNOWN}, /* the clock of a syncookie */
		{64000, 0, DURATION_UNKNOWN},
	};
	struct world *world = world_new(&everything);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_flow flow = server_flow(1 + i);
		struct event_transition e = make_transition(1 + i, &flow, TCP_SYN_RECV,
							    TCP_ESTABLISHED, START_NS + i * MS);

		e.srtt_us = cases[i].srtt_us;
		e.retransmits = cases[i].retransmits;
		world_feed(world, &e);
		if (world_last(world)->change.lifetime_ns != cases[i].wanted)
			fail_msg("case %zu: %lld", i,
				 (long long)world_last(world)->change.lifetime_ns);
	}
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* A socket whose beginning was not seen: the time before is unknown. */
static void unknown_starts_are_never_recorded(void **state)
{
	static const struct step steps[] = {
		{TCP_ESTABLISHED, TCP_CLOSE_WAIT, 10 * MS, DURATION_UNKNOWN, OWNER_UNKNOWN, NULL, 0,
		 EVENT_DONE, 1, 5555},
		{TCP_CLOSE_WAIT, TCP_LAST_ACK, 30 * MS, 20 * MS, OWNER_CLOSE, &server, 0,
		 EVENT_DONE, BOTH, 0},
	};
	static const struct step connected = {
		TCP_SYN_SENT, TCP_ESTABLISHED, 0, DURATION_UNKNOWN, OWNER_UNKNOWN, NULL, 0, 0, 0,
		5555};
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(1);
	struct process *process = world_process(world, &server);

	(void)state;
	play(world, 1, &flow, steps, ARRAY_SIZE(steps));
	assert_int_equal(world->changes[0].change.role, ROLE_UNKNOWN);
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(process_count(process, TCP_ESTABLISHED), 0);
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE_WAIT), 1);
	assert_int_equal(process_sum(process, TCP_CLOSE_WAIT), 20 * MS);
	/* The round trip is not used for a connection that goes out. */
	play(world, 2, &flow, &connected, 1);
	world_free(world);
}

static void unknown_sockets_that_end_are_counted(void **state)
{
	static const struct step steps[] = {
		{TCP_ESTABLISHED, TCP_CLOSE, 0, DURATION_UNKNOWN, OWNER_CLOSE, &server, CAUSE_ABORT,
		 EVENT_LINGER, BOTH, 0},
		{TCP_LAST_ACK, TCP_CLOSE, 0, DURATION_UNKNOWN, OWNER_UNKNOWN, NULL, CAUSE_FIN,
		 EVENT_DEAD, BOTH, 0},
		/* It only processed the backlog. */
		{TCP_FIN_WAIT2, TCP_CLOSE, 0, DURATION_UNKNOWN, OWNER_UNKNOWN, &server,
		 CAUSE_TIME_WAIT, EVENT_DONE, 0, 0},
	};
	struct world *world = world_new(&everything);
	struct process *process = world_process(world, &server);
	struct process *unknown = process_table_unknown(world->tracker.processes);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct event_flow flow = server_flow(1 + i);

		play(world, 1 + i, &flow, &steps[i], 1);
		assert_false(world_last(world)->known);
	}
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE), 1);
	assert_int_equal(process_transitions(unknown, TCP_LAST_ACK, TCP_CLOSE), 1);
	assert_int_equal(process_transitions(unknown, TCP_FIN_WAIT2, TCP_CLOSE), 1);
	for (int i = 0; i < TCP_STATES; i++)
		assert_int_equal(process_count(process, i) + process_count(unknown, i), 0);
	assert_int_equal(socket_table_count(world->tracker.sockets), 0);
	assert_int_equal(process->sockets, 0);
	world_free(world);
}

/* close() after shutdown() shows the owner; the state does not change. */
static void the_same_state_again_does_not_reset_its_time(void **state)
{
	static const struct step before[] = {
		{TCP_SYN_RECV, TCP_ESTABLISHED, 0, 333000, OWNER_UNKNOWN, NULL, 0, 0, 0, 333},
		{TCP_ESTABLISHED, TCP_FIN_WAIT1, 10 * MS, 10 * MS, OWNER_UNKNOWN, &myself, 0, 0, 2,
		 0},
		{TCP_FIN_WAIT1, TCP_FIN_WAIT2, 11 * MS, 1 * MS, OWNER_UNKNOWN, NULL, 0, 0, 2, 0},
	};
	static const struct step after[] = {
		{TCP_FIN_WAIT2, TCP_CLOSE, 5011 * MS, 5000 * MS, OWNER_CLOSE, NULL, CAUSE_TIME_WAIT,
		 EVENT_DEAD | EVENT_DONE, BOTH, 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(1);
	struct process *process = world_process(world, &worker);

	(void)state;
	play(world, 1, &flow, before, ARRAY_SIZE(before));
	world_step(world, 1, &flow, TCP_FIN_WAIT2, TCP_FIN_WAIT2, START_NS + 3000 * MS, &worker);
	assert_int_equal(world->change_count, ARRAY_SIZE(before)); /* it is no transition */
	assert_int_equal(process_sum(process, TCP_ESTABLISHED), 10 * MS);
	play(world, 1, &flow, after, 1);
	assert_ptr_equal(world_last(world)->change.owner, process);
	assert_int_equal(process_sum(process, TCP_FIN_WAIT2), 5000 * MS);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_FIN_WAIT2), 0);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* FIN_WAIT2 goes on in a mini-socket: the time that was seen is no lifetime. */
static void the_fin_wait2_of_an_orphan_is_not_recorded(void **state)
{
	static const struct step steps[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 0, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0, 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 1 * MS, 1 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
		{TCP_ESTABLISHED, TCP_FIN_WAIT1, 2 * MS, 1 * MS, OWNER_CONNECT, &client, 0, 0, BOTH,
		 0},
		{TCP_FIN_WAIT1, TCP_FIN_WAIT2, 3 * MS, 1 * MS, OWNER_CONNECT, NULL, 0, EVENT_DEAD,
		 BOTH, 0},
		{TCP_FIN_WAIT2, TCP_CLOSE, 3 * MS + 5000, DURATION_UNKNOWN, OWNER_CONNECT, NULL,
		 CAUSE_ORPHAN, EVENT_DEAD, BOTH, 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);
	struct process *process = world_process(world, &client);

	(void)state;
	play(world, 1, &flow, steps, ARRAY_SIZE(steps));
	assert_int_equal(process_count(process, TCP_FIN_WAIT2), 0);
	assert_int_equal(process_transitions(process, TCP_FIN_WAIT2, TCP_CLOSE), 1);
	assert_int_equal(process_count(process, TCP_FIN_WAIT1), 1);
	world_free(world);
}

/* connect(AF_UNSPEC) and connect() again: a new connection of the same socket. */
static void a_cookie_is_used_again_after_disconnect(void **state)
{
	static const struct step steps[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 0, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0, 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 1 * MS, 1 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
		{TCP_ESTABLISHED, TCP_CLOSE, 9 * MS, 8 * MS, OWNER_CONNECT, &client,
		 CAUSE_DISCONNECT, 0, 0, 0},
		{TCP_CLOSE, TCP_SYN_SENT, 50 * MS, DURATION_UNKNOWN, OWNER_CONNECT, &worker, 0, 0,
		 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 52 * MS, 2 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
		/* The record of this end was lost. */
		{TCP_CLOSE, TCP_SYN_SENT, 90 * MS, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0,
		 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 93 * MS, 3 * MS, OWNER_CONNECT, NULL, 0, 0, 0, 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);
	struct process *second = world_process(world, &worker);

	(void)state;
	play(world, 1, &flow, steps, 3);
	assert_null(world_find(world, 1));
	play(world, 1, &flow, steps + 3, 2);
	assert_ptr_equal(world_find(world, 1)->owner, second);
	assert_int_equal(second->sockets, 1);
	world->left_count = 0;
	play(world, 1, &flow, steps + 5, 2);
	/* The hook was called for the end of the old connection, without a time. */
	assert_int_equal(world->left[0].state, TCP_ESTABLISHED);
	assert_int_equal(world->left[0].time_ns, 0);
	assert_int_equal(second->sockets, 0);
	assert_int_equal(process_count(second, TCP_ESTABLISHED), 0);
	assert_int_equal(process_sum(world_process(world, &client), TCP_ESTABLISHED), 8 * MS);
	assert_int_equal(socket_table_count(world->tracker.sockets), 1);
	world_free(world);
}

/* Records of two CPUs can come in the wrong order. */
static void time_does_not_run_backwards(void **state)
{
	static const struct step steps[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 10 * MS, DURATION_UNKNOWN, OWNER_CONNECT, &client, 0, 0,
		 0, 0},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 9 * MS, DURATION_UNKNOWN, OWNER_CONNECT, NULL, 0, 0,
		 0, 0},
		{TCP_ESTABLISHED, TCP_CLOSE_WAIT, 9 * MS, 0, OWNER_CONNECT, NULL, 0, EVENT_DONE, 1,
		 0},
	};
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	play(world, 1, &flow, steps, ARRAY_SIZE(steps));
	world_free(world);
}

static void hooks_are_told_before_a_state_is_left(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = client_flow(1);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + 1, NULL);
	/* Two records were lost. */
	world_step(world, 1, &flow, TCP_LAST_ACK, TCP_CLOSE, START_NS + 9, NULL);
	assert_int_equal(world->left_count, 4);
	assert_int_equal(world->left[0].state, TCP_CLOSE);
	assert_int_equal(world->left[0].time_ns, START_NS);
	assert_int_equal(world->left[1].state, TCP_SYN_SENT);
	assert_int_equal(world->left[1].time_ns, START_NS + 1);
	assert_int_equal(world->left[2].state, TCP_ESTABLISHED);
	assert_int_equal(world->left[2].time_ns, 0);
	assert_int_equal(world->left[3].state, TCP_LAST_ACK);
	assert_int_equal(world->left[3].time_ns, START_NS + 9);
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(world_last(world)->change.lifetime_ns, DURATION_UNKNOWN);
	world_free(world);
}

static void aborted_listeners_are_gone(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	size_t changes;

	(void)state;
	listen_on_80(world, 1, &server);
	changes = world->change_count;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_CLOSE, START_NS + 1, NULL);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_CLOSE, START_NS + 1, NULL);
	assert_int_equal(world->change_count, changes);
	assert_int_equal(socket_table_count(world->tracker.sockets), 0);
	flow = server_flow(3);
	world_step(world, 3, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + 2, NULL);
	assert_null(world_last(world)->change.owner);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_that_closes_first),
		cmocka_unit_test(server_whose_client_closes_first),
		cmocka_unit_test(a_client_learns_its_address),
		cmocka_unit_test(simultaneous_open),
		cmocka_unit_test(round_trips_tell_the_time_in_syn_recv),
		cmocka_unit_test(unknown_starts_are_never_recorded),
		cmocka_unit_test(unknown_sockets_that_end_are_counted),
		cmocka_unit_test(the_same_state_again_does_not_reset_its_time),
		cmocka_unit_test(the_fin_wait2_of_an_orphan_is_not_recorded),
		cmocka_unit_test(a_cookie_is_used_again_after_disconnect),
		cmocka_unit_test(time_does_not_run_backwards),
		cmocka_unit_test(hooks_are_told_before_a_state_is_left),
		cmocka_unit_test(aborted_listeners_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
