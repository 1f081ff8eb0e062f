// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The tracker: owners of sockets, filters, and lost records. */
#include "world.h"

#include <errno.h>
#include <time.h>

#define MS NS_PER_MS

static const struct options everything;

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task myself = {.start_ns = 9, .tgid = SELF_TGID, .comm = "tcpwatch"};

static void listen_on(struct world *world, uint64_t cookie, const char *address, uint16_t port,
		      const struct event_task *task)
{
	struct event_flow flow =
		make_flow(address, port, strchr(address, ':') ? "::" : "0.0.0.0", 0);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, task);
}

/* A connection comes in and is closed by `closer`, its peer first. */
static void serve(struct world *world, uint64_t cookie, const struct event_flow *flow,
		  uint64_t at_ns, const struct event_task *closer)
{
	struct event_transition e =
		make_transition(cookie, flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns);

	e.srtt_us = 1001;
	world_feed(world, &e);
	world_step(world, cookie, flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns + 10 * MS, NULL);
	world_step(world, cookie, flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, at_ns + 13 * MS, closer);
	world_step(world, cookie, flow, TCP_LAST_ACK, TCP_CLOSE, at_ns + 14 * MS, NULL);
}

static void who_closes_gets_all_lifetimes(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(2);
	struct process *master = world_process(world, &server);
	struct process *process = world_process(world, &worker);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	serve(world, 2, &flow, START_NS, &worker);
	assert_int_equal(process_sum(process, TCP_SYN_RECV), 1001000);
	assert_int_equal(process_sum(process, TCP_ESTABLISHED), 10 * MS);
	assert_int_equal(process_sum(process, TCP_CLOSE_WAIT), 3 * MS);
	assert_int_equal(process_sum(process, TCP_LAST_ACK), 1 * MS);
	assert_int_equal(process_transitions(master, TCP_SYN_RECV, TCP_ESTABLISHED), 0);
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 0);
	/* Until then its owner was the listener's process. */
	assert_ptr_equal(world->changes[1].change.owner, master);
	assert_int_equal(world->changes[1].change.owner_source, OWNER_LISTENER);
	assert_ptr_equal(world_last(world)->change.owner, process);
	assert_int_equal(process->sockets, 0);
	assert_int_equal(master->sockets, 1);
	world_free(world);
}

/* One listener and N workers: each worker's histograms have exactly its own connections. */
static void prefork_workers_are_told_apart(void **state)
{
	enum { WORKERS = 5, CONNECTIONS = 5000 };
	struct world *world = world_new(&everything);
	uint64_t wanted[WORKERS] = {0};
	struct event_task tasks[WORKERS];
	struct process *master = world_process(world, &server);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	for (uint32_t i = 0; i < WORKERS; i++)
		tasks[i] = make_task(300 + i, 50, "nginx");
	for (uint64_t i = 0; i < CONNECTIONS; i++) {
		struct event_flow flow = server_flow(i);
		size_t who = random_below(WORKERS);

		serve(world, 2 + i, &flow, START_NS + i * MS, &tasks[who]);
		wanted[who]++;
	}
	for (size_t i = 0; i < WORKERS; i++) {
		struct process *process = world_process(world, &tasks[i]);

		assert_int_equal(process_count(process, TCP_ESTABLISHED), wanted[i]);
		assert_int_equal(process_sum(process, TCP_ESTABLISHED), wanted[i] * 10 * MS);
		assert_int_equal(process_sum(process, TCP_SYN_RECV), wanted[i] * 1001000);
		assert_int_equal(process_transitions(process, TCP_LAST_ACK, TCP_CLOSE), wanted[i]);
	}
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 0);
	assert_int_equal(socket_table_count(world->tracker.sockets), 1);
	world_free(world);
}

/* The peer resets it before a process acts: the listener's process is the provisional owner. */
static void nobody_acts_then_the_listener_has_it(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(2);
	struct process *master = world_process(world, &server);
	struct event_transition e =
		make_transition(2, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + 5 * MS);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	e.error = ECONNRESET;
	world_feed(world, &e);
	assert_int_equal(world_last(world)->change.cause, CAUSE_RESET_RECEIVED);
	assert_int_equal(process_sum(master, TCP_ESTABLISHED),
			 0); /* its close() may still show the owner */
	tracker_settle_all(&world->tracker);
	assert_int_equal(process_sum(master, TCP_ESTABLISHED), 5 * MS);
	world_free(world);
}

static void a_closed_listener_owns_nothing_new(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	world_step(world, 1, &flow, TCP_LISTEN, TCP_CLOSE, START_NS + 7 * MS, &server);
	assert_int_equal(world_last(world)->change.lifetime_ns, 7 * MS);
	flow = server_flow(2);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + 8 * MS, NULL);
	assert_null(world_last(world)->change.owner);
	assert_int_equal(world_last(world)->change.owner_source, OWNER_UNKNOWN);
	assert_int_equal(world_last(world)->change.role, ROLE_SERVER);
	/* Of two listeners on one port the other one counts when the first is closed or aborted. */
	flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	listen_on(world, 3, "0.0.0.0", 80, &server);
	listen_on(world, 4, "0.0.0.0", 80, &worker);
	listen_on(world, 5, "0.0.0.0", 80, &client);
	world_step(world, 3, &flow, TCP_LISTEN, TCP_CLOSE, START_NS + 9 * MS, &server);
	world_step(world, 5, &flow, TCP_CLOSE, TCP_CLOSE, START_NS + 9 * MS, NULL);
	flow = server_flow(6);
	world_step(world, 6, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS + 10 * MS, NULL);
	assert_ptr_equal(world_last(world)->change.owner, world_process(world, &worker));
	world_free(world);
}

static void reuseport_of_several_blames_none(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(3);
	struct process *unknown = process_table_unknown(world->tracker.processes);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	listen_on(world, 2, "0.0.0.0", 80, &worker);
	world_step(world, 3, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	assert_null(world_last(world)->change.owner);
	assert_int_equal(world_last(world)->change.role, ROLE_SERVER);
	world_step(world, 3, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS + MS, NULL);
	assert_int_equal(process_sum(unknown, TCP_ESTABLISHED), MS);
	/* The process that closes one is known nevertheless. */
	serve(world, 4, &flow, START_NS, &worker);
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 10 * MS);
	/* Two listeners of one process have one owner. */
	listen_on(world, 5, "0.0.0.0", 81, &server);
	listen_on(world, 6, "0.0.0.0", 81, &server);
	flow.local_port = 81;
	world_step(world, 7, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	assert_ptr_equal(world_last(world)->change.owner, world_process(world, &server));
	world_free(world);
}

/* tcpwatch processes the backlogs of sockets when it reads the tables: it owns none. */
static void own_process_never_owns(void **state)
{
	static const struct {
		unsigned int from;
		unsigned int to;
	} cases[] = {{TCP_CLOSE, TCP_SYN_SENT},	       {TCP_CLOSE, TCP_LISTEN},
		     {TCP_ESTABLISHED, TCP_FIN_WAIT1}, {TCP_ESTABLISHED, TCP_CLOSE_WAIT},
		     {TCP_FIN_WAIT1, TCP_FIN_WAIT2},   {TCP_CLOSE_WAIT, TCP_LAST_ACK},
		     {TCP_ESTABLISHED, TCP_CLOSE},     {TCP_FIN_WAIT2, TCP_FIN_WAIT2}};
	struct world *world = world_new(&everything);
	struct process *process = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_flow flow = server_flow(1 + i);

		world_step(world, 1 + i, &flow, cases[i].from, cases[i].to, START_NS, &myself);
		if (world_find(world, 1 + i))
			assert_null(world_find(world, 1 + i)->owner);
		assert_null(world_last(world)->change.owner);
	}
	while ((process = process_table_next(world->tracker.processes, process)))
		assert_int_not_equal(process->tgid, SELF_TGID);
	world_free(world);
}

/* A later actor with a worse source is not the owner. */
static void the_connector_stays_the_owner(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = make_flow("10.0.0.2", 5000, "10.0.0.1", 80);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + MS, &worker);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + 2 * MS, &worker);
	assert_ptr_equal(world_last(world)->change.owner, world_process(world, &client));
	assert_int_equal(world_last(world)->change.owner_source, OWNER_CONNECT);
	assert_int_equal(process_count(world_process(world, &worker), TCP_ESTABLISHED), 0);
	world_free(world);
}

static void settle_all_gives_what_waits(void **state)
{
	struct world *world = world_new(&everything);
	struct event_flow flow = server_flow(2);
	struct process *master = world_process(world, &server);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	world_step(world, 2, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS + 4 * MS, NULL);
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 0);
	tracker_settle_all(&world->tracker);
	assert_int_equal(process_sum(master, TCP_ESTABLISHED), 4 * MS);
	tracker_settle_all(&world->tracker);
	assert_int_equal(process_count(master, TCP_ESTABLISHED), 1);
	assert_int_equal(socket_table_count(world->tracker.sockets), 2);
	world_free(world);
}

/* -L: a socket that does not match is not in the table, however it began. */
static void local_port_chooses_sockets(void **state)
{
	static uint16_t ports[] = {80};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = world_new(&options);
	struct event_flow flow = make_flow("10.0.0.2", 0, "10.0.0.1", 80);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	assert_non_null(world_find(world, 1)); /* its port may still become 80 */
	flow.local_port = 5000;
	world->left_count = 0;
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + MS, NULL);
	assert_int_equal(world->change_count, 0);
	assert_int_equal(world->left_count, 1);
	assert_int_equal(world->left[0].time_ns, 0);
	assert_null(world_find(world, 1));
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + MS, &client);
	assert_int_equal(world->change_count, 0);
	assert_int_equal(process_count(world_process(world, &client), TCP_SYN_SENT), 0);
	assert_int_equal(process_count(world_process(world, &client), TCP_ESTABLISHED), 0);
	assert_int_equal(socket_table_count(world->tracker.sockets), 0);

	listen_on(world, 2, "0.0.0.0", 80, &server);
	listen_on(world, 3, "0.0.0.0", 81, &server);
	flow = server_flow(4);
	serve(world, 4, &flow, START_NS, &worker);
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 10 * MS);
	flow.local_port = 81;
	serve(world, 5, &flow, START_NS, &worker);
	assert_int_equal(process_count(world_process(world, &worker), TCP_ESTABLISHED), 1);
	assert_int_equal(socket_table_count(world->tracker.sockets), 1);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* A client's port is chosen after CLOSE>SYN_SENT: that is kept back until it is known to be shown.
 */
static void connects_are_shown_once_their_port_is_known(void **state)
{
	static uint16_t ports[] = {5000};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = world_new(&options);
	struct event_flow flow = make_flow("10.0.0.2", 0, "10.0.0.1", 80);
	struct process *process = world_process(world, &client);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	assert_int_equal(world->change_count, 0);
	assert_int_equal(process_transitions(process, TCP_CLOSE, TCP_SYN_SENT), 0);
	flow.local_port = 5000;
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS + 3 * MS, NULL);
	assert_int_equal(world->change_count, 2);
	assert_int_equal(world->changes[0].change.from, TCP_CLOSE);
	assert_int_equal(world->changes[0].change.to, TCP_SYN_SENT);
	assert_int_equal(world->changes[0].change.time_ns, START_NS);
	assert_ptr_equal(world->changes[0].change.owner, process);
	assert_int_equal(world->changes[1].change.from, TCP_SYN_SENT);
	assert_int_equal(world->changes[1].change.lifetime_ns, 3 * MS);
	assert_int_equal(process_transitions(process, TCP_CLOSE, TCP_SYN_SENT), 1);
	assert_int_equal(process_sum(process, TCP_SYN_SENT), 3 * MS);
	/* A refused connection: both changes are reported as well. */
	flow.local_port = 0;
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	flow.local_port = 5000;
	world_step(world, 2, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS + MS, NULL);
	assert_int_equal(world->change_count, 4);
	assert_int_equal(process_transitions(process, TCP_CLOSE, TCP_SYN_SENT), 2);
	assert_int_equal(process_transitions(process, TCP_SYN_SENT, TCP_CLOSE), 1);
	world_free(world);
}

/* -4 and a listener on [::]: its IPv4 connections match, and their owner is its process. */
static void ipv4_only_keeps_the_owners_of_dual_stack_listeners(void **state)
{
	static const struct options options = {.only_ipv4 = true};
	struct world *world = world_new(&options);
	struct event_flow flow = make_flow("::ffff:10.0.0.1", 80, "::ffff:10.0.0.2", 5000);

	(void)state;
	listen_on(world, 1, "::", 80, &server);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	assert_int_equal(world->change_count, 1); /* the listener itself is IPv6: not shown */
	assert_int_equal(world_last(world)->change.cookie, 2);
	assert_int_equal(world_last(world)->change.owner_source, OWNER_LISTENER);
	assert_ptr_equal(world_last(world)->change.owner, world_process(world, &server));
	world_free(world);
}

static void samples_of_watched_processes_only(void **state)
{
	static uint32_t pids[] = {201};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct world *world = world_new(&options);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", 80, &server);
	serve(world, 2, &flow, START_NS, &worker);
	serve(world, 3, &flow, START_NS, &server);
	world_step(world, 4, &flow, TCP_LAST_ACK, TCP_CLOSE, START_NS, NULL);
	assert_int_equal(process_sum(world_process(world, &worker), TCP_ESTABLISHED), 10 * MS);
	assert_null(world_process(world, &server)->transitions);
	assert_null(process_table_unknown(world->tracker.processes)->transitions);
	world_free(world);
}

static void births_are_followed(void **state)
{
	static uint32_t pids[] = {200};
	static const struct options options = {.pids = pids, .pid_count = 1, .follow_forks = true};
	struct world *world = world_new(&options);
	struct event_fork fork = make_fork(&server, &worker);
	struct event_task invisible = make_task(0, 8, "elsewhere");

	(void)state;
	/* A record of the child came before that of the fork. */
	assert_false(world_process(world, &worker)->watched);
	assert_int_equal(tracker_fork(&world->tracker, &fork), worker.tgid);
	assert_true(world_process(world, &worker)->watched);
	assert_true(world_process(world, &server)->watched);
	assert_int_equal(tracker_fork(&world->tracker, &fork), 0); /* it is watched already */
	fork = make_fork(&client, &myself);
	assert_int_equal(tracker_fork(&world->tracker, &fork), 0);
	assert_false(world_process(world, &myself)->watched);
	fork = make_fork(&server, &invisible);
	assert_int_equal(tracker_fork(&world->tracker, &fork), 0);
	fork = make_fork(&invisible, &client);
	assert_int_equal(tracker_fork(&world->tracker, &fork), 0);
	world_free(world);
}

static void many_births_stay_cheap(void **state)
{
	static uint32_t pids[] = {200};
	static const struct options options = {.pids = pids, .pid_count = 1, .follow_forks = true};
	struct world *world = world_new(&options);
	clock_t began = clock();

	(void)state;
	for (uint32_t i = 0; i < 50000; i++) {
		struct event_task child = make_task(1000 + i, 1000 + i, "cc");
		struct event_fork fork = make_fork(&server, &child);

		assert_int_equal(tracker_fork(&world->tracker, &fork), child.tgid);
		if (clock() - began > 5 * CLOCKS_PER_SEC)
			fail_msg("only %u of 50000 in 5 s", i);
	}
	world_free(world);
}

static const unsigned int server_life[] = {TCP_SYN_RECV, TCP_ESTABLISHED, TCP_CLOSE_WAIT,
					   TCP_LAST_ACK, TCP_CLOSE};
static const unsigned int client_life[] = {TCP_CLOSE,	  TCP_SYN_SENT,	 TCP_ESTABLISHED,
					   TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSE};

/* Thousands of connections of which any record may be lost: a lifetime is right, or unknown. */
static void losses_never_make_a_wrong_lifetime(void **state)
{
	struct world *world = world_new(&everything);
	uint64_t known = 0, fed = 0, transitions = 0, counted = 0;
	struct process *process = NULL;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 20000; cookie++) {
		bool is_client = random_below(2);
		const unsigned int *life = is_client ? client_life : server_life;
		size_t count = is_client ? ARRAY_SIZE(client_life) : ARRAY_SIZE(server_life);
		uint64_t at_ns = START_NS + random_below(NS_PER_S);
		struct event_flow flow = server_flow(cookie);

		flow.flags |= EVENT_DONE;
		for (size_t i = 0; i + 1 < count; i++) {
			uint64_t entered_ns = at_ns, wanted = DURATION_UNKNOWN;

			at_ns += random_below(NS_PER_S);
			if (!random_below(4))
				continue;
			if (life[i] != TCP_CLOSE && life[i] != TCP_SYN_RECV)
				wanted = at_ns - entered_ns;
			world->change_count = 0;
			world_step(world, cookie, &flow, life[i], life[i + 1], at_ns,
				   random_below(3) ? NULL : &worker);
			fed++;
			if (!world->change_count)
				fail_msg("a record was not told of");
			if (world_last(world)->change.lifetime_ns == DURATION_UNKNOWN)
				continue;
			known++;
			assert_int_equal(world_last(world)->change.lifetime_ns, wanted);
		}
	}
	assert_true(known > fed / 3);
	tracker_settle_all(&world->tracker);
	while ((process = process_table_next(world->tracker.processes, process))) {
		for (int i = 0; i < TCP_STATES; i++) {
			counted += process_count(process, i);
			for (int j = 0; j < TCP_STATES; j++)
				transitions += process_transitions(process, i, j);
		}
	}
	assert_int_equal(transitions, fed); /* none lost, none twice */
	assert_int_equal(counted, known);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_closes_gets_all_lifetimes),
		cmocka_unit_test(prefork_workers_are_told_apart),
		cmocka_unit_test(nobody_acts_then_the_listener_has_it),
		cmocka_unit_test(a_closed_listener_owns_nothing_new),
		cmocka_unit_test(reuseport_of_several_blames_none),
		cmocka_unit_test(own_process_never_owns),
		cmocka_unit_test(the_connector_stays_the_owner),
		cmocka_unit_test(settle_all_gives_what_waits),
		cmocka_unit_test(local_port_chooses_sockets),
		cmocka_unit_test(connects_are_shown_once_their_port_is_known),
		cmocka_unit_test(ipv4_only_keeps_the_owners_of_dual_stack_listeners),
		cmocka_unit_test(samples_of_watched_processes_only),
		cmocka_unit_test(births_are_followed),
		cmocka_unit_test(many_births_stay_cheap),
		cmocka_unit_test(losses_never_make_a_wrong_lifetime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
