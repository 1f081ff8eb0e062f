// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Half-open connections: their age, and how they end. */
#include "minis.h"

static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};

/* The listener on port 80, cookie 9, is the server's. */
static struct world *open_world(void)
{
	struct world *world = world_new_full(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	world_step(world, 9, &flow, TCP_CLOSE, TCP_LISTEN, START_NS - NS_PER_S, &server);
	return world;
}

/* The values that the kernel measured. */
struct measured {
	__u32 srtt_us;
	__u8 retransmits;
	__u32 rto_time_ms;
};

static void establish(struct world *world, uint64_t cookie, uint64_t at_ns,
		      const struct measured *measured)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns);

	e.flow.flags = 0;
	e.srtt_us = measured->srtt_us;
	e.retransmits = measured->retransmits;
	e.rto_time_ms = measured->rto_time_ms;
	world_feed(world, &e);
}

static void tell_request(struct world *world, uint64_t cookie, enum event_request_what what,
			 uint64_t age_us, __s32 left_ticks, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_request e = make_request(cookie, &flow, what, age_us, left_ticks, at_ns);

	world_feed_request(world, &e);
}

static const struct measured repeated = {.retransmits = 1};

static void the_kernel_measures_it_one_way_or_another(void **state)
{
	static const struct {
		struct measured measured;
		uint64_t wanted_ns;
	} cases[] = {
		{{1234, 0, 0}, 1234000},
		{{999, 0, 0}, 999000},
		{{2000, 0, 0}, DURATION_UNKNOWN}, /* it may be measured with a syncookie */
		{{0, 0, 0}, DURATION_UNKNOWN},
		{{0, 1, 1031}, 1031 * MS},
		{{77, 2, 3100}, 3100 * MS},
		{{0, 1, 0}, DURATION_UNKNOWN}, /* an older kernel, and no record of the request */
		{{1234, 1, 0}, DURATION_UNKNOWN},
		{{0, 3, UINT32_MAX}, UINT32_MAX * MS},
	};
	struct world *world = open_world();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		establish(world, 10 + i, START_NS + i * MS, &cases[i].measured);
		check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, cases[i].wanted_ns, CAUSE_NONE);
	}
	world_free(world);
}

/* The age is read when the request ends. It has another cookie and the same flow. */
static void a_repeated_syn_ack_is_told_by_the_request(void **state)
{
	struct world *world = open_world();
	struct event_flow flow = server_flow(1);
	struct event_request e =
		make_request(77, &flow, REQUEST_COMPLETED, 1032123, -3, START_NS - 9000);
	size_t changes = world->change_count;

	(void)state;
	world_feed_request(world, &e);
	assert_int_equal(world->change_count, changes); /* that is no transition */
	establish(world, 2, START_NS, &repeated);	/* another flow */
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN, CAUSE_NONE);
	establish(world, 1, START_NS, &repeated);
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, 1032123000, CAUSE_NONE);
	world_free(world);
}

/* The record of that connection was lost; the next one with the same flow is another one. */
static void a_lost_connection_leaves_no_time_behind(void **state)
{
	struct world *world = open_world();

	(void)state;
	tell_request(world, 1, REQUEST_COMPLETED, 1032123, -3, START_NS);
	establish(world, 60001, START_NS + 20 * NS_PER_S, &repeated); /* the same flow */
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN, CAUSE_NONE);
	/* If it has a record of its own, that one counts. */
	tell_request(world, 1, REQUEST_COMPLETED, 1032123, -3, START_NS + 30 * NS_PER_S);
	tell_request(world, 1, REQUEST_COMPLETED, 3000001, -3, START_NS + 40 * NS_PER_S);
	establish(world, 120001, START_NS + 40 * NS_PER_S, &repeated);
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, 3000001000, CAUSE_NONE);
	world_free(world);
}

/* A scan found it half open: its age is that of the scan plus the time since. */
static void a_scanned_request_knows_its_start(void **state)
{
	struct world *world = open_world();
	struct scan_result result = scan_new(START_NS);
	struct process *process = world_process(world, &server);

	(void)state;
	scan_add_listener(&result, 9, 80, &server, 3, 0);
	scan_add_mini(&result, 1, TCP_SYN_RECV, 250000);
	scan_add_mini(&result, 2, TCP_SYN_RECV, UINT64_MAX); /* no SYN-ACK sent */
	world_reconcile(world, &result);
	assert_int_equal(mini_table_count(world->tracker.minis), 2);
	assert_int_equal(process->sockets, 3);
	establish(world, 1, START_NS + 801 * MS, &repeated); /* seen at 1 ms */
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, 1050 * MS, CAUSE_NONE);
	establish(world, 2, START_NS + 801 * MS, &repeated);
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN, CAUSE_NONE);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	assert_int_equal(process->sockets, 3);
	/* The samples wait for the accepting process. */
	check_lifetimes(process, TCP_SYN_RECV, 0, 0);
	world_free(world);
}

/* The entry of the cookie may be of an earlier connection: TIME_WAIT is not SYN_RECV. */
static void other_mini_sockets_tell_nothing(void **state)
{
	struct world *world = open_world();

	(void)state;
	to_time_wait(world, 1, START_NS);
	establish(world, 1, START_NS + 5 * MS, &repeated);
	check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN, CAUSE_NONE);
	world_free(world);
}

static void drops_count_for_the_listener(void **state)
{
	static const struct {
		__s32 left_ticks;
		enum cause wanted;
	} cases[] = {
		{0, CAUSE_TIMEOUT}, {-1, CAUSE_TIMEOUT},      {INT32_MIN, CAUSE_TIMEOUT},
		{1, CAUSE_RESET},   {INT32_MAX, CAUSE_RESET},
	};
	struct world *world = open_world();
	struct process *process = world_process(world, &server);
	const struct change *change;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tell_request(world, 20 + i, REQUEST_DROPPED, 63000000, cases[i].left_ticks,
			     START_NS);
		change = check_last(world, TCP_SYN_RECV, TCP_CLOSE, 63000 * MS, cases[i].wanted);
		assert_ptr_equal(change->owner, process);
		assert_int_equal(change->owner_source, OWNER_LISTENER);
		assert_int_equal(change->role, ROLE_SERVER);
		assert_int_equal(change->cookie, 20 + i);
		assert_int_equal(world_last(world)->flow.local_port, 80);
		assert_false(world_last(world)->known);
	}
	check_lifetimes(process, TCP_SYN_RECV, 5, 5 * 63000 * MS);
	assert_int_equal(process_transitions(process, TCP_SYN_RECV, TCP_CLOSE), 5);
	assert_int_equal(process->sockets, 1);
	assert_int_equal(world->tracker.gaps, 0);
	world_free(world);
}

static void drops_of_nobodys_listener(void **state)
{
	struct world *world = open_world();
	struct process *unknown = process_table_unknown(world->tracker.processes);
	struct event_flow any = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	(void)state;
	/* A second listener of another process on the port: the owner is not known. */
	world_step(world, 8, &any, TCP_CLOSE, TCP_LISTEN, START_NS, &worker);
	tell_request(world, 1, REQUEST_DROPPED, 5000, 1, START_NS + 5 * MS);
	assert_null(check_last(world, TCP_SYN_RECV, TCP_CLOSE, 5 * MS, CAUSE_RESET)->owner);
	check_lifetimes(unknown, TCP_SYN_RECV, 1, 5 * MS);
	/* All listeners are closed: requests end with their listener, by the timer or before. */
	world_step(world, 8, &any, TCP_LISTEN, TCP_CLOSE, START_NS + 6 * MS, &worker);
	world_step(world, 9, &any, TCP_LISTEN, TCP_CLOSE, START_NS + 6 * MS, &server);
	tell_request(world, 2, REQUEST_DROPPED, 7000, 1, START_NS + 7 * MS);
	assert_null(
		check_last(world, TCP_SYN_RECV, TCP_CLOSE, 7 * MS, CAUSE_LISTENER_CLOSED)->owner);
	tell_request(world, 3, REQUEST_DROPPED, 7000, 0, START_NS + 7 * MS);
	check_last(world, TCP_SYN_RECV, TCP_CLOSE, 7 * MS, CAUSE_LISTENER_CLOSED);
	check_lifetimes(unknown, TCP_SYN_RECV, 3, 19 * MS);
	world_free(world);
}

/* An age that is longer than the uptime: no SYN-ACK was sent. */
static void ages_that_cannot_be_are_unknown(void **state)
{
	static const uint64_t ages_us[] = {START_NS / NS_PER_US, START_NS / NS_PER_US + 1,
					   UINT64_MAX, UINT64_MAX / 1000};
	struct world *world = open_world();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ages_us); i++) {
		tell_request(world, 1, REQUEST_DROPPED, ages_us[i], 0, START_NS);
		check_last(world, TCP_SYN_RECV, TCP_CLOSE, DURATION_UNKNOWN, CAUSE_TIMEOUT);
		tell_request(world, 1, REQUEST_COMPLETED, ages_us[i], 0, START_NS);
		establish(world, 60001 + 60000 * i, START_NS, &repeated);
		check_last(world, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN, CAUSE_NONE);
	}
	check_lifetimes(world_process(world, &server), TCP_SYN_RECV, 0, 0);
	assert_int_equal(
		process_transitions(world_process(world, &server), TCP_SYN_RECV, TCP_CLOSE),
		ARRAY_SIZE(ages_us));
	world_free(world);
}

static void a_drop_ends_what_the_scan_found(void **state)
{
	struct world *world = open_world();
	struct scan_result result = scan_new(START_NS);

	(void)state;
	scan_add_listener(&result, 9, 80, &server, 3, 0);
	scan_add_mini(&result, 1, TCP_SYN_RECV, 250000);
	world_reconcile(world, &result);
	tell_request(world, 1, REQUEST_DROPPED, 900000, 0, START_NS + 651 * MS);
	check_last(world, TCP_SYN_RECV, TCP_CLOSE, 900 * MS, CAUSE_TIMEOUT);
	assert_int_equal(mini_table_count(world->tracker.minis), 0);
	assert_int_equal(world_process(world, &server)->sockets, 1);
	world_free(world);
}

static void what_is_not_asked_for_is_not_told(void **state)
{
	static uint16_t ports[] = {443};
	static const struct options by_port = {.local_ports = ports, .local_port_count = 1};
	static const struct options ipv6 = {.only_ipv6 = true};
	const struct options *const options[] = {&by_port, &ipv6};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct world *world = world_new_full(options[i]);

		tell_request(world, 1, REQUEST_DROPPED, 5000, 1, START_NS);
		tell_request(world, 1, REQUEST_COMPLETED, 5000, 1, START_NS);
		assert_int_equal(world->change_count, 0);
		assert_null(process_table_unknown(world->tracker.processes)->transitions);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_measures_it_one_way_or_another),
		cmocka_unit_test(a_repeated_syn_ack_is_told_by_the_request),
		cmocka_unit_test(a_lost_connection_leaves_no_time_behind),
		cmocka_unit_test(a_scanned_request_knows_its_start),
		cmocka_unit_test(other_mini_sockets_tell_nothing),
		cmocka_unit_test(drops_count_for_the_listener),
		cmocka_unit_test(drops_of_nobodys_listener),
		cmocka_unit_test(ages_that_cannot_be_are_unknown),
		cmocka_unit_test(a_drop_ends_what_the_scan_found),
		cmocka_unit_test(what_is_not_asked_for_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
