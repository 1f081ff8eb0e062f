// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* accept(): which process accepts, and how long the connection waited for it. */
#include "minis.h"

#include <errno.h>

static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task myself = {.start_ns = 9, .tgid = SELF_TGID, .comm = "tcpwatch"};
static const struct event_task invisible = {.start_ns = 8, .comm = "elsewhere"};

/* The listener on port 80, cookie 9, is the server's. */
static struct world *queue_world(const struct options *options)
{
	struct world *world = world_new_full(options);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	world_step(world, 9, &flow, TCP_CLOSE, TCP_LISTEN, START_NS - NS_PER_S, &server);
	return world;
}

/* Comes into the queue at START_NS, after a round trip of 333 us. */
static void come_in(struct world *world, uint64_t cookie)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS);

	e.flow.flags = 0;
	e.srtt_us = 333;
	world_feed(world, &e);
}

static void take(struct world *world, uint64_t cookie, unsigned int tcp_state, uint64_t at_ns,
		 const struct event_task *task)
{
	struct event_flow flow = server_flow(cookie);
	struct event_accept e = make_accept(cookie, &flow, tcp_state, at_ns, task);

	world_feed_accept(world, &e);
}

static void peer_closes(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);

	world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns, NULL);
}

/* It is reset before it is accepted. */
static void peer_resets(struct world *world, uint64_t cookie, unsigned int from, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e = make_transition(cookie, &flow, from, TCP_CLOSE, at_ns);

	e.flow.flags = 0;
	e.error = ECONNRESET;
	world_feed(world, &e);
}

static void check_accepted(const struct world *world, size_t count, uint64_t wait_ns,
			   const struct process *process)
{
	const struct accepted *accepted;

	assert_int_equal(world->accepted_count, count);
	accepted = &world->accepted[count - 1].accepted;
	assert_int_equal(accepted->wait_ns, wait_ns);
	assert_ptr_equal(accepted->process, process);
}

static void check_waits(const struct process *process, uint64_t count, uint64_t sum_ns)
{
	assert_int_equal(process->accept_wait ? process->accept_wait->count : 0, count);
	assert_int_equal(process->accept_wait ? process->accept_wait->sum_ns : 0, sum_ns);
}

/* The listener belongs to the master, and a worker accepts. */
static void the_acceptor_owns_it(void **state)
{
	struct world *world = queue_world(&everything);
	struct process *process = world_process(world, &worker);
	struct process *master = world_process(world, &server);

	(void)state;
	come_in(world, 1);
	assert_ptr_equal(world_last(world)->change.owner, master);
	check_lifetimes(process, TCP_SYN_RECV, 0, 0);
	take(world, 1, TCP_ESTABLISHED, START_NS + 40 * MS, &worker);
	check_accepted(world, 1, 40 * MS, process);
	assert_int_equal(world->accepted[0].accepted.cookie, 1);
	assert_int_equal(world->accepted[0].accepted.time_ns, START_NS + 40 * MS);
	assert_int_equal(world->accepted[0].flow.remote_port, 1025);
	assert_ptr_equal(world_find(world, 1)->owner, process);
	assert_int_equal(world_find(world, 1)->owner_source, OWNER_ACCEPT);
	check_waits(process, 1, 40 * MS);
	check_waits(master, 0, 0);
	/* The waiting samples are counted for it. */
	check_lifetimes(process, TCP_SYN_RECV, 1, 333000);
	check_lifetimes(master, TCP_SYN_RECV, 0, 0);
	peer_closes(world, 1, START_NS + 100 * MS);
	assert_ptr_equal(
		check_last(world, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 100 * MS, CAUSE_NONE)->owner,
		process);
	check_lifetimes(process, TCP_ESTABLISHED, 1, 100 * MS);
	assert_int_equal(world->change_count, 3); /* accept() is no transition */
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

/* The wait begins in ESTABLISHED, in whatever state it ends. */
static void the_wait_goes_through_other_states(void **state)
{
	struct world *world = queue_world(&everything);
	struct process *process = world_process(world, &worker);

	(void)state;
	come_in(world, 1);
	peer_closes(world, 1, START_NS + 30 * MS);
	take(world, 1, TCP_CLOSE_WAIT, START_NS + 50 * MS, &worker);
	check_accepted(world, 1, 50 * MS, process);
	assert_int_equal(world_find(world, 1)->state, TCP_CLOSE_WAIT);
	check_lifetimes(process, TCP_ESTABLISHED, 1, 30 * MS);

	come_in(world, 2); /* it is reset, and still in the queue */
	peer_resets(world, 2, TCP_ESTABLISHED, START_NS + 10 * MS);
	take(world, 2, TCP_CLOSE, START_NS + 70 * MS, &worker);
	check_accepted(world, 2, 70 * MS, process);
	assert_null(world_find(world, 2));
	assert_int_equal(process_transitions(process, TCP_ESTABLISHED, TCP_CLOSE), 1);

	come_in(world, 3); /* first one, then the other */
	peer_closes(world, 3, START_NS + 10 * MS);
	peer_resets(world, 3, TCP_CLOSE_WAIT, START_NS + 20 * MS);
	take(world, 3, TCP_CLOSE, START_NS + 90 * MS, &worker);
	check_accepted(world, 3, 90 * MS, process);
	check_waits(process, 3, 210 * MS);
	assert_int_equal(process_count(world_process(world, &server), TCP_ESTABLISHED), 0);
	assert_int_equal(process->sockets, 1);
	world_free(world);
}

static void a_start_that_was_not_seen_gives_no_wait(void **state)
{
	struct world *world = queue_world(&everything);
	struct scan_result result = scan_new(START_NS);
	struct process *process = world_process(world, &worker);

	(void)state;
	/* Found by a scan: the start of its wait is not known. */
	scan_add_listener(&result, 9, 80, &server, 3, 2);
	scan_add_socket(&result, 1, TCP_ESTABLISHED, NULL);
	scan_add_socket(&result, 2, TCP_CLOSE_WAIT, NULL);
	world_reconcile(world, &result);
	take(world, 1, TCP_ESTABLISHED, START_NS + 50 * MS, &worker);
	check_accepted(world, 1, DURATION_UNKNOWN, process);
	take(world, 2, TCP_CLOSE_WAIT, START_NS + 50 * MS, &worker);
	check_accepted(world, 2, DURATION_UNKNOWN, process);
	/* ESTABLISHED was lost, CLOSE_WAIT was seen: only a part of the wait. */
	peer_closes(world, 3, START_NS + 60 * MS);
	take(world, 3, TCP_CLOSE_WAIT, START_NS + 80 * MS, &worker);
	check_accepted(world, 3, DURATION_UNKNOWN, process);
	/* Likewise if the time of a state in between is not known. */
	come_in(world, 4);
	peer_resets(world, 4, TCP_CLOSE_WAIT, START_NS + 20 * MS);
	take(world, 4, TCP_CLOSE, START_NS + 30 * MS, &worker);
	check_accepted(world, 4, DURATION_UNKNOWN, process);
	check_waits(process, 0, 0);
	world_free(world);
}

/* The record of its beginning was lost: it is known from now on. */
static void unknown_ones_are_added(void **state)
{
	struct world *world = queue_world(&everything);
	struct process *process = world_process(world, &worker);

	(void)state;
	take(world, 1, TCP_CLOSE_WAIT, START_NS, &worker);
	check_accepted(world, 1, DURATION_UNKNOWN, process);
	assert_int_equal(world->tracker.gaps, 1);
	assert_int_equal(world->found_count, 1);
	assert_int_equal(world->found[0].state, TCP_CLOSE_WAIT);
	assert_ptr_equal(world_find(world, 1)->owner, process);
	assert_false(world_find(world, 1)->since_known);
	assert_int_equal(world_find(world, 1)->role, ROLE_SERVER);
	/* It was reset and removed: there is nothing to do. */
	take(world, 2, TCP_CLOSE, START_NS, &worker);
	assert_null(world_find(world, 2));
	assert_int_equal(world->accepted_count, 1);
	assert_int_equal(world->tracker.gaps, 1);
	check_waits(process, 0, 0);
	world_free(world);
}

/* With TCP Fast Open it is accepted before its first transition. */
static void fast_open_is_no_gap(void **state)
{
	struct world *world = queue_world(&everything);
	struct process *process = world_process(world, &worker);

	(void)state;
	take(world, 1, TCP_SYN_RECV, START_NS - MS, &worker);
	check_accepted(world, 1, DURATION_UNKNOWN, process);
	assert_int_equal(world_find(world, 1)->state, TCP_SYN_RECV);
	come_in(world, 1);
	assert_ptr_equal(
		check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, 333000, CAUSE_NONE)->owner,
		process);
	peer_closes(world, 1, START_NS + 5 * MS);
	check_last(world, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 5 * MS, CAUSE_NONE);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

static void time_does_not_run_backwards(void **state)
{
	struct world *world = queue_world(&everything);

	(void)state;
	come_in(world, 1);
	take(world, 1, TCP_ESTABLISHED, START_NS - 7, &worker);
	check_accepted(world, 1, DURATION_UNKNOWN, world_process(world, &worker));
	come_in(world, 2);
	take(world, 2, TCP_ESTABLISHED, START_NS, &worker);
	check_accepted(world, 2, 0, world_process(world, &worker));
	world_free(world);
}

static void who_is_not_visible_is_nobody(void **state)
{
	struct world *world = queue_world(&everything);

	(void)state;
	come_in(world, 1);
	take(world, 1, TCP_ESTABLISHED, START_NS + MS, &invisible);
	check_accepted(world, 1, MS, NULL);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &server));
	assert_int_equal(world_find(world, 1)->owner_source, OWNER_LISTENER);
	check_waits(world_process(world, &server), 0, 0);
	check_waits(process_table_unknown(world->tracker.processes), 0, 0);
	world_free(world);
}

static void what_we_accept_is_ours(void **state)
{
	struct world *world = queue_world(&everything);

	(void)state;
	come_in(world, 1);
	take(world, 1, TCP_ESTABLISHED, START_NS + MS, &myself);
	assert_int_equal(world->accepted_count, 1);
	assert_int_equal(world_find(world, 1)->owner_source, OWNER_ACCEPT);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &myself));
	world_free(world);
}

/* accept() is the best source; a later close() by another process changes nothing. */
static void nothing_is_surer(void **state)
{
	struct world *world = queue_world(&everything);
	struct event_flow flow = server_flow(1);
	struct process *process = world_process(world, &worker);

	(void)state;
	come_in(world, 1);
	take(world, 1, TCP_ESTABLISHED, START_NS + MS, &worker);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, START_NS + 2 * MS, &server);
	assert_ptr_equal(world_last(world)->change.owner, process);
	assert_int_equal(world_last(world)->change.owner_source, OWNER_ACCEPT);
	world_free(world);
}

/* Until then it has the flag of its MPTCP listener. */
static void an_accepted_one_is_not_the_kernels(void **state)
{
	struct world *world = queue_world(&everything);
	struct event_flow flow = server_flow(1);
	struct event_transition e =
		make_transition(1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS);

	(void)state;
	e.flow.flags = EVENT_KERN_SOCK;
	world_feed(world, &e);
	assert_true(world_find(world, 1)->kernel);
	take(world, 1, TCP_ESTABLISHED, START_NS + MS, &worker);
	assert_false(world_find(world, 1)->kernel);
	world_free(world);
}

static void what_is_not_asked_for_is_not_told(void **state)
{
	static uint16_t ports[] = {443};
	static uint32_t pids[] = {200};
	static const struct options by_port = {.local_ports = ports, .local_port_count = 1};
	static const struct options ipv6 = {.only_ipv6 = true};
	static const struct options by_pid = {.pids = pids, .pid_count = 1};
	const struct options *const none[] = {&by_port, &ipv6};
	struct world *world;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		world = queue_world(none[i]);
		come_in(world, 1);
		take(world, 1, TCP_ESTABLISHED, START_NS + MS, &worker);
		take(world, 2, TCP_ESTABLISHED, START_NS + MS, &worker);
		assert_int_equal(world->accepted_count, 0);
		check_waits(world_process(world, &worker), 0, 0);
		assert_int_equal(world->tracker.gaps, 0);
		world_free(world);
	}
	/* For a process that is not watched no times are kept; that it accepts must be known. */
	world = queue_world(&by_pid);
	come_in(world, 1);
	take(world, 1, TCP_ESTABLISHED, START_NS + MS, &worker);
	check_waits(world_process(world, &worker), 0, 0);
	assert_false(world->accepted[0].accepted.process->watched);
	assert_ptr_equal(world_find(world, 1)->owner, world_process(world, &worker));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_acceptor_owns_it),
		cmocka_unit_test(the_wait_goes_through_other_states),
		cmocka_unit_test(a_start_that_was_not_seen_gives_no_wait),
		cmocka_unit_test(unknown_ones_are_added),
		cmocka_unit_test(fast_open_is_no_gap),
		cmocka_unit_test(time_does_not_run_backwards),
		cmocka_unit_test(who_is_not_visible_is_nobody),
		cmocka_unit_test(what_we_accept_is_ours),
		cmocka_unit_test(nothing_is_surer),
		cmocka_unit_test(an_accepted_one_is_not_the_kernels),
		cmocka_unit_test(what_is_not_asked_for_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
