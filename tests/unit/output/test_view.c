// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include "output/view.h"

#define MS NS_PER_MS

static const struct options everything;

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};

static struct view view_of(struct world *world, const struct ledger *ledger)
{
	struct view view;
	struct ledger none = {0};

	memset(&view, 0xa5, sizeof(view));
	assert_int_equal(view_build(&view, &world->tracker,
				    leak_reports_groups(leak_watch_reports(world->leaks),
							START_NS + NS_PER_S),
				    ledger ? ledger : &none, START_NS + NS_PER_S, START_NS),
			 0);
	return view;
}

static const struct view_process *find(const struct view *view, const struct process *process)
{
	for (size_t i = 0; i < view->process_count; i++)
		if (view->processes[i].process == process)
			return &view->processes[i];
	return NULL;
}

static struct world *view_world(const struct options *options)
{
	struct world *world = world_new(options);

	world_watch_leaks(world, 10 * NS_PER_S);
	return world;
}

static void nothing_is_an_empty_picture(void **state)
{
	struct world *world = view_world(&everything);
	struct ledger ledger = {.seen = 10, .delivered = 7, .lost = {1, 2, 0}};
	struct view view;

	(void)state;
	world_process(world, &client); /* known by name only */
	view = view_of(world, &ledger);
	assert_int_equal(view.process_count, 0);
	assert_int_equal(view.group_count, 0);
	assert_int_equal(view.now_ns, START_NS + NS_PER_S);
	assert_int_equal(view.duration_ns, NS_PER_S);
	assert_memory_equal(&view.ledger, &ledger, sizeof(ledger));
	view_clear(&view);
	assert_null(view.processes);
	assert_null(view.groups);
	view_clear(&view);
	world_free(world);
}

static void open_sockets_are_counted_by_owner_and_state(void **state)
{
	struct world *world = view_world(&everything);
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_flow elsewhere = make_flow("10.0.0.1", 81, "10.0.0.2", 5000);
	const struct view_process *process;
	struct view view;

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	for (uint64_t cookie = 2; cookie <= 6; cookie++) {
		flow = server_flow(cookie);
		world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
		if (cookie > 4)
			world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1,
				   START_NS + MS, &worker);
	}
	world_step(world, 7, &elsewhere, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	world_step(world, 8, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	world_step(world, 8, &flow, TCP_SYN_SENT, TCP_CLOSE, START_NS + MS, &client);

	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 4);
	process = find(&view, world_process(world, &server));
	assert_int_equal(process->open[TCP_LISTEN], 1);
	assert_int_equal(process->open[TCP_ESTABLISHED], 3); /* by the listener */
	process = find(&view, world_process(world, &worker));
	assert_int_equal(process->open[TCP_FIN_WAIT1], 2);
	assert_int_equal(process->open[TCP_ESTABLISHED], 0);
	assert_int_equal(process->transitions, 4);
	process = find(&view, process_table_unknown(world->tracker.processes));
	assert_int_equal(process->open[TCP_ESTABLISHED], 1);
	process = find(&view, world_process(world, &client));
	for (int i = 0; i < TCP_STATES; i++)
		assert_int_equal(process->open[i], 0);
	assert_int_equal(process->transitions, 2);
	view_clear(&view);
	world_free(world);
}

/* Whoever has only open sockets is shown as well: they are what may leak. */
static void open_sockets_alone_are_something(void **state)
{
	struct world *world = view_world(&everything);
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = server_flow(1);
	struct event_scan scan =
		make_scan(1, &flow, TCP_ESTABLISHED, &server, 3, START_NS + 5 * MS);
	struct view view;

	(void)state;
	scan_add(&result, &scan);
	world_reconcile(world, &result);
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 1);
	assert_ptr_equal(view.processes[0].process, world_process(world, &server));
	assert_int_equal(view.processes[0].open[TCP_ESTABLISHED], 1);
	view_clear(&view);
	world_free(world);
}

static void processes_come_by_leaks_then_transitions_then_pid(void **state)
{
	static const struct {
		uint32_t tgid;
		unsigned int transitions;
		unsigned int leaks;
	} processes[] = {
		{40, 5, 0}, {10, 1, 0},	  {20, 5, 0}, {35, 5, 0}, {45, 5, 0},
		{50, 1, 2}, {30, 900, 1}, {60, 2, 2}, {5, 0, 3},
	};
	static const uint32_t wanted[] = {5, 60, 50, 30, 20, 35, 40, 45, 10};
	struct world *world = view_world(&everything);
	struct view view;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(processes); i++) {
		struct event_task task = make_task(processes[i].tgid, 5, "x");
		struct process *process = world_process(world, &task);

		for (unsigned int j = 0; j < processes[i].transitions; j++)
			process_record(process, 1 + j % 11, 1 + j % 7, 1000);
		for (unsigned int j = 0; j < processes[i].leaks; j++)
			process->leaks[j % LEAK_KINDS]++; /* of all kinds together */
	}
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(view.processes[i].process->tgid, wanted[i]);
	assert_int_equal(view.processes[3].leaks, 1);
	assert_int_equal(view.processes[3].transitions, 900);
	view_clear(&view);
	world_free(world);
}

static void only_the_watched_are_in_the_picture(void **state)
{
	static uint32_t pids[] = {201};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct world *world = view_world(&options);
	struct event_flow flow = server_flow(1);
	struct view view;

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &client);
	world_step(world, 2, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &worker);
	world_step(world, 3, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 1);
	assert_ptr_equal(view.processes[0].process, world_process(world, &worker));
	assert_int_equal(view.processes[0].open[TCP_SYN_SENT], 1);
	view_clear(&view);
	world_free(world);
}

/* Known for the sake of others (-4 and a listener on [::]), but not asked for. */
static void hidden_sockets_are_not_counted(void **state)
{
	static const struct options options = {.only_ipv4 = true};
	struct world *world = view_world(&options);
	struct event_flow flow = make_flow("::", 80, "::", 0);
	struct view view;

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 0);
	view_clear(&view);
	flow = server_flow(2);
	world_step(world, 2, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 1);
	assert_int_equal(view.processes[0].open[TCP_LISTEN], 0);
	assert_int_equal(view.processes[0].open[TCP_ESTABLISHED], 1);
	view_clear(&view);
	world_free(world);
}

static void groups_come_by_number_then_age_then_place(void **state)
{
	static const struct {
		uint16_t port;
		uint64_t total;
		uint64_t oldest_ns;
	} groups[] = {{3, 1, 9}, {1, 1, 9}, {7, 5, 1}, {2, 1, 8}, {4, 2, 0}, {5, 1, 10}};
	static const char *const wanted[] = {"10.0.0.1:7", "10.0.0.1:4", "10.0.0.1:5",
					     "10.0.0.1:1", "10.0.0.1:3", "10.0.0.1:2"};
	struct world *world = view_world(&everything);
	struct view view;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct event_flow wire = make_flow("10.0.0.2", 5000, "10.0.0.1", groups[i].port);
		struct tcp_socket socket = {.role = ROLE_CLIENT};
		struct leak_group *group;

		flow_read(&socket.flow, &wire, NETNS);
		group = leak_groups_get(
			leak_reports_groups(leak_watch_reports(world->leaks), START_NS),
			world_process(world, &client), LEAK_UNREAD, &socket, NULL);
		group->total = groups[i].total;
		group->oldest_ns = groups[i].oldest_ns;
	}
	view = view_of(world, NULL);
	assert_int_equal(view.group_count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_string_equal(view.groups[i]->place, wanted[i]);
	view_clear(&view);
	world_free(world);
}

/* TIME_WAIT and half-open connections are open as well, though no socket is. */
static void mini_sockets_are_counted_by_owner_and_state(void **state)
{
	static uint16_t ports[] = {80};
	static const struct options options = {.local_ports = ports, .local_port_count = 1};
	struct world *world = view_world(&options);
	struct scan_result result = scan_new(START_NS);
	struct event_flow other = make_flow("10.0.0.1", 0, "10.0.0.2", 5000);
	struct event_scan hidden = make_scan_mini(6, &other, TCP_TIME_WAIT, 0, START_NS);
	const struct view_process *process;
	struct view view;

	(void)state;
	scan_add_listener(&result, 9, 80, &server, 3, 0);
	scan_add_mini(&result, 1, TCP_TIME_WAIT, 0);
	scan_add_mini(&result, 2, TCP_TIME_WAIT, 0);
	scan_add_mini(&result, 3, TCP_SYN_RECV, 100);
	scan_add_mini(&result, 4, TCP_FIN_WAIT2, 0);
	scan_add_mini(&result, 5, TCP_TIME_WAIT, 0);
	scan_add(&result, &hidden);
	world_reconcile(world, &result);
	mini_set_owner(mini_table_find(world->tracker.minis, 5), NULL, OWNER_UNKNOWN);
	assert_true(mini_table_find(world->tracker.minis, 6)->hidden);

	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 2);
	process = find(&view, world_process(world, &server));
	assert_int_equal(process->open[TCP_LISTEN], 1);
	assert_int_equal(process->open[TCP_TIME_WAIT], 2);
	assert_int_equal(process->open[TCP_SYN_RECV], 1);
	assert_int_equal(process->open[TCP_FIN_WAIT2], 1);
	assert_int_equal(process->transitions, 0);
	process = find(&view, process_table_unknown(world->tracker.processes));
	assert_int_equal(process->open[TCP_TIME_WAIT], 1);
	view_clear(&view);
	world_free(world);
}

/* An accept() is something, even where nothing else was seen of it. */
static void accept_waits_alone_are_something(void **state)
{
	struct world *world = view_world(&everything);
	struct process *process = world_process(world, &server);
	struct view view;

	(void)state;
	process_record_accept(process, 7);
	view = view_of(world, NULL);
	assert_int_equal(view.process_count, 1);
	assert_ptr_equal(view.processes[0].process, process);
	view_clear(&view);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_an_empty_picture),
		cmocka_unit_test(open_sockets_are_counted_by_owner_and_state),
		cmocka_unit_test(open_sockets_alone_are_something),
		cmocka_unit_test(mini_sockets_are_counted_by_owner_and_state),
		cmocka_unit_test(accept_waits_alone_are_something),
		cmocka_unit_test(processes_come_by_leaks_then_transitions_then_pid),
		cmocka_unit_test(only_the_watched_are_in_the_picture),
		cmocka_unit_test(hidden_sockets_are_not_counted),
		cmocka_unit_test(groups_come_by_number_then_age_then_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
