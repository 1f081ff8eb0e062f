// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Idle connections of clients' pools, and responses that a client forgot: when which is which. */
#include "leaks.h"

#include "leak/idle.h"

#define MS   NS_PER_MS
#define W    (1 * NS_PER_S)
#define KEEP (5 * NS_PER_S) /* the server closes a connection that has been idle for this long */

static const struct event_task pool = {.start_ns = 9, .tgid = 300, .comm = "python3"};
static const struct event_task other = {.start_ns = 10, .tgid = 301, .comm = "python3"};

/* What the client holds: a scan finds it. */
static struct {
	uint64_t cookie;
	struct event_flow flow;
	const struct event_task *task;
	uint32_t recv_queue;
} held[512];
static size_t held_count;

static struct world *clients_new(void)
{
	held_count = 0;
	return leaks_new(W);
}

static void open_to(struct world *world, uint64_t cookie, const struct event_task *task,
		    const char *peer, uint64_t at_ns)
{
	struct event_flow flow = make_flow("10.0.0.1", (uint16_t)(40000 + cookie), peer, 443);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, at_ns - MS, task);
	world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, at_ns, NULL);
	held[held_count].cookie = cookie;
	held[held_count].flow = flow;
	held[held_count].task = task;
	held[held_count++].recv_queue = 1;
}

/* A connection whose server closes after KEEP. Records come in the order of time, so the caller
 * calls it for connections of the same instant only, or does the closing itself. */
static void server_closes(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct tcp_socket *socket = world_find(world, cookie);
	struct event_flow flow = make_flow("10.0.0.1", 1, "10.0.0.9", 443);

	assert_non_null(socket);
	for (size_t i = 0; i < held_count; i++)
		if (held[i].cookie == cookie)
			flow = held[i].flow;
	world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns, NULL);
}

static void client_closes(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	for (size_t i = 0; i < held_count; i++) {
		if (held[i].cookie != cookie)
			continue;
		world_step(world, cookie, &held[i].flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, at_ns,
			   held[i].task);
		held[i] = held[--held_count];
		return;
	}
	fail_msg("not held");
}

static void look(struct world *world, uint64_t now_ns)
{
	struct scan_result result = scan_new(now_ns);

	for (size_t i = 0; i < held_count; i++) {
		struct event_scan scan = make_scan(held[i].cookie, &held[i].flow, TCP_CLOSE_WAIT,
						   held[i].task, 7, now_ns);

		if (world_find(world, held[i].cookie)->state != TCP_CLOSE_WAIT)
			continue;
		scan.recv_queue = held[i].recv_queue;
		scan.copied_seq = 1 - held[i].recv_queue;
		scan.last_sent_ticks = scan.last_received_ticks = TICKS(60 * NS_PER_S);
		scan_add(&result, &scan);
	}
	leak_watch_collect(world->leaks, now_ns);
	assert_int_equal(judge(world, &result, now_ns), 0);
}

static size_t noted(const struct world *world, enum leak_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world->leak_count; i++)
		count += world->leak_notes[i].leak.kind == kind;
	return count;
}

/* What the summary says: reported and not taken back. */
static uint64_t counted(struct world *world, enum leak_kind kind)
{
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct leak_group *group = NULL;
	uint64_t total = 0;

	while ((group = leak_groups_next(groups, group)))
		total += group->kind == kind ? group->total : 0;
	return total;
}

static void a_poll_replaces_its_connection(void **state)
{
	struct world *world = clients_new();
	uint64_t now_ns = START_NS;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 100; cookie++, now_ns += 20 * NS_PER_S) {
		if (cookie > 1)
			client_closes(world, cookie - 1, now_ns);
		open_to(world, cookie, &pool, "10.0.0.9", now_ns + MS);
		server_closes(world, cookie, now_ns + KEEP);
		look(world, now_ns + KEEP + W);
	}
	assert_int_equal(noted(world, LEAK_IDLE), 100);
	assert_int_equal(world->leak_count, 100);
	assert_int_equal(world->end_count, 99);
	assert_int_equal(world->ends[0].kind, LEAK_IDLE);
	assert_int_equal(world->ends[0].role, ROLE_CLIENT);
	assert_int_equal(world_process(world, &pool)->idle, 100);
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		assert_int_equal(world_process(world, &pool)->leaks[kind], 0);
	world_free(world);
}

/* Each response was read, and its connection forgotten. */
static void forget(struct world *world, uint64_t first, uint64_t last, uint64_t begin_ns)
{
	for (uint64_t cookie = first; cookie <= last; cookie++) {
		uint64_t at_ns = begin_ns + (cookie - first) * 20 * NS_PER_S;

		open_to(world, cookie, &pool, "10.0.0.9", at_ns);
		server_closes(world, cookie, at_ns + KEEP);
		look(world, at_ns + KEEP + W);
	}
}

static void forgotten_ones_pile_up(void **state)
{
	struct world *world = clients_new();

	(void)state;
	forget(world, 1, IDLE_FORGOTTEN - 1, START_NS);
	assert_int_equal(counted(world, LEAK_IDLE), IDLE_FORGOTTEN - 1);
	assert_int_equal(counted(world, LEAK_UNREAD), 0);
	forget(world, IDLE_FORGOTTEN, IDLE_FORGOTTEN, START_NS + 500 * NS_PER_S);
	/* All of them, each reported as a leak once. */
	assert_int_equal(counted(world, LEAK_IDLE), 0);
	assert_int_equal(counted(world, LEAK_UNREAD), IDLE_FORGOTTEN);
	assert_int_equal(noted(world, LEAK_UNREAD), IDLE_FORGOTTEN);
	assert_int_equal(world->end_count, 0);
	assert_int_equal(world_process(world, &pool)->idle, 0);
	assert_int_equal(world_process(world, &pool)->leaks[LEAK_UNREAD], IDLE_FORGOTTEN);
	forget(world, IDLE_FORGOTTEN + 1, IDLE_FORGOTTEN + 1, START_NS + 600 * NS_PER_S);
	assert_int_equal(noted(world, LEAK_UNREAD), IDLE_FORGOTTEN + 1);
	assert_int_equal(noted(world, LEAK_IDLE), IDLE_FORGOTTEN - 1);
	world_free(world);
}

static void all_that_are_found_at_once_are_judged_together(void **state)
{
	struct world *world = clients_new();

	(void)state;
	for (uint64_t cookie = 1; cookie <= 12; cookie++) {
		open_to(world, cookie, &pool, "10.0.0.9", START_NS + cookie * 6 * NS_PER_S);
		server_closes(world, cookie, START_NS + cookie * 6 * NS_PER_S + KEEP);
	}
	look(world, START_NS + 100 * NS_PER_S);
	assert_int_equal(noted(world, LEAK_IDLE), 0);
	assert_int_equal(noted(world, LEAK_UNREAD), 12);
	world_free(world);
}

static void strict_makes_them_leaks(void **state)
{
	struct world *world = clients_new();

	(void)state;
	leak_watch_be_strict(world->leaks);
	forget(world, 1, 3, START_NS);
	assert_int_equal(noted(world, LEAK_UNREAD), 3);
	assert_int_equal(noted(world, LEAK_IDLE), 0);
	world_free(world);
}

/* A pool as large as its load has been, and smaller bursts later. */
static void bursts_do_not_pile_up(void **state)
{
	struct world *world = clients_new();
	uint64_t next = 1, now_ns = START_NS;

	(void)state;
	for (size_t burst = 60; burst >= 10; burst -= 10, now_ns += 20 * NS_PER_S) {
		uint64_t first = next;

		/* It takes the one that it used last, closes it, and opens another one. */
		for (size_t i = 0; i < burst; i++, next++) {
			if (first > 1)
				client_closes(world, held[held_count - 1 - i].cookie,
					      now_ns + i * MS);
			open_to(world, next, &pool, "10.0.0.9", now_ns + i * MS);
		}
		for (uint64_t cookie = first; cookie < next; cookie++)
			server_closes(world, cookie, now_ns + KEEP);
		look(world, now_ns + KEEP + W);
	}
	assert_int_equal(held_count, 60);
	assert_int_equal(noted(world, LEAK_UNREAD), 0);
	world_free(world);
}

/* Each of 40 threads has its own pool, and takes its turn. */
static void threads_take_turns(void **state)
{
	struct world *world = clients_new();
	uint64_t now_ns = START_NS;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 40; cookie++) /* all at once, at the start */
		open_to(world, cookie, &pool, "10.0.0.9", now_ns);
	for (uint64_t cookie = 1; cookie <= 40; cookie++)
		server_closes(world, cookie, now_ns + KEEP);
	for (uint64_t cookie = 41; cookie <= 160; cookie++) {
		now_ns += 20 * NS_PER_S;
		client_closes(world, cookie - 40, now_ns);
		open_to(world, cookie, &pool, "10.0.0.9", now_ns + MS);
		server_closes(world, cookie, now_ns + KEEP);
		look(world, now_ns + KEEP + W);
	}
	assert_int_equal(noted(world, LEAK_UNREAD), 0);
	assert_int_equal(counted(world, LEAK_IDLE), 159); /* the first is closed before a look */
	world_free(world);
}

/* Beside a pool that replaces its connection as often as one is forgotten. */
static void a_pool_does_not_hide_what_is_forgotten(void **state)
{
	struct world *world = clients_new();
	uint64_t now_ns = START_NS;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 2 * (IDLE_FORGOTTEN_ANYWAY + 2); cookie += 2) {
		if (cookie > 1)
			client_closes(world, cookie - 2, now_ns);
		open_to(world, cookie, &pool, "10.0.0.9", now_ns + MS);
		open_to(world, cookie + 1, &pool, "10.0.0.9", now_ns + MS);
		server_closes(world, cookie, now_ns + KEEP);
		server_closes(world, cookie + 1, now_ns + KEEP);
		look(world, now_ns + KEEP + W);
		now_ns += 20 * NS_PER_S;
	}
	assert_true(counted(world, LEAK_UNREAD) >= IDLE_FORGOTTEN_ANYWAY);
	world_free(world);
}

static void peers_and_processes_are_apart(void **state)
{
	struct world *world = clients_new();
	char peer[16];

	(void)state;
	for (uint64_t cookie = 1; cookie <= 60; cookie++) {
		uint64_t at_ns = START_NS + cookie * 20 * NS_PER_S;

		snprintf(peer, sizeof(peer), "10.0.0.%u", 9 + (unsigned int)cookie % 4);
		open_to(world, cookie, cookie % 8 < 4 ? &pool : &other, peer, at_ns);
		server_closes(world, cookie, at_ns + KEEP);
		look(world, at_ns + KEEP + W);
	}
	assert_int_equal(noted(world, LEAK_IDLE), 60);
	assert_int_equal(noted(world, LEAK_UNREAD), 0);
	world_free(world);
}

/* The process notices the end, and does not close: a leak after all. */
static void one_that_is_read_later_is_unclosed(void **state)
{
	struct world *world = clients_new();

	(void)state;
	forget(world, 1, 2, START_NS);
	held[0].recv_queue = 0;
	look(world, START_NS + 60 * NS_PER_S);
	assert_int_equal(noted(world, LEAK_UNCLOSED), 1);
	assert_int_equal(counted(world, LEAK_IDLE), 1);
	assert_int_equal(world->end_count, 0);
	look(world, START_NS + 70 * NS_PER_S);
	assert_int_equal(world->leak_count, 3);
	world_free(world);
}

static void data_unread_is_not_idle(void **state)
{
	struct world *world = clients_new();

	(void)state;
	open_to(world, 1, &pool, "10.0.0.9", START_NS);
	held[0].recv_queue = 11870;
	server_closes(world, 1, START_NS + KEEP);
	world_find(world, 1)->copied_seq = 1 - 11870u;
	look(world, START_NS + KEEP + W);
	assert_int_equal(noted(world, LEAK_UNREAD), 1);
	assert_int_equal(world->leak_count, 1);
	world_free(world);
}

/* Sockets that are older than tcpwatch: the record of a scan says what it can. */
static void the_client_is_known_by_evidence(void **state)
{
	static const struct {
		const char *remote;
		uint16_t local_port, remote_port;
		uint16_t flags;
		bool client;
	} cases[] = {
		{"10.0.0.9", 40000, 443, 0, true},   /* a port of a client, and a server's */
		{"10.0.0.9", 40000, 5432, 0, false}, /* either may be the client */
		{"10.0.0.9", 40000, 5432, EVENT_CONNECTED,
		 true}, /* the kernel has counted its SYN */
		{"10.0.0.9", 20000, 443, 0, false},
		{"10.0.0.9", 20000, 50000, EVENT_CONNECTED, true},
		{"10.0.0.9", 41000, 443, 0, false},  /* a listener is here */
		{"10.0.0.1", 40000, 8080, 0, true},  /* a listener is there, on this host */
		{"10.0.0.9", 40000, 8080, 0, false}, /* that is another host */
	};
	struct event_flow local = make_flow("10.0.0.1", 41000, "0.0.0.0", 0);
	struct event_flow service = make_flow("10.0.0.1", 8080, "0.0.0.0", 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = clients_new();
		struct event_flow flow = make_flow("10.0.0.1", cases[i].local_port, cases[i].remote,
						   cases[i].remote_port);
		struct event_scan scan =
			make_scan(1, &flow, TCP_CLOSE_WAIT, &pool, 7, START_NS + 100 * NS_PER_S);
		struct tcp_socket *socket;

		world_step(world, 100, &local, TCP_CLOSE, TCP_LISTEN, START_NS, &other);
		world_step(world, 101, &service, TCP_CLOSE, TCP_LISTEN, START_NS, &other);
		world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
		socket = world_find(world, 1);
		scan.flow.flags |= cases[i].flags;
		if (leak_idle_is_client(&world->tracker, socket, &scan) != cases[i].client)
			fail_msg("case %zu", i);
		assert_int_equal(socket->role, cases[i].client ? ROLE_CLIENT : ROLE_UNKNOWN);
		socket->role = ROLE_SERVER;
		assert_false(leak_idle_is_client(&world->tracker, socket, &scan));
		world_free(world);
	}
}

/* A short run of tests: some were reported while it ran, the rest is left when it exits. */
static void what_an_exit_leaves_counts_too(void **state)
{
	struct world *world = clients_new();
	uint64_t now_ns = START_NS;
	struct scan_result result;

	(void)state;
	leak_watch_report_exits(world->leaks);
	for (uint64_t cookie = 1; cookie <= 12; cookie++) {
		now_ns = START_NS + cookie * 6 * NS_PER_S;
		open_to(world, cookie, &pool, "10.0.0.9", now_ns);
		server_closes(world, cookie, now_ns + KEEP);
		if (cookie == 6)
			look(world, now_ns + KEEP + W);
	}
	assert_int_equal(noted(world, LEAK_IDLE), 6);
	now_ns += KEEP + 500 * MS;
	for (uint64_t cookie = 1; cookie <= 12; cookie++) {
		struct event_transition e = make_transition(cookie, &held[cookie - 1].flow,
							    TCP_CLOSE_WAIT, TCP_LAST_ACK, now_ns);

		make_actor(&e, &pool);
		e.flow.flags |= EVENT_EXITING;
		e.shutdown = 3;
		e.recv_queue = 1;
		world_feed(world, &e);
	}
	assert_int_equal(world->end_count, 6);
	result = scan_new(now_ns + MS);
	leak_watch_collect_last(world->leaks, now_ns + MS);
	judge(world, &result, now_ns + MS);
	assert_int_equal(counted(world, LEAK_IDLE), 0);
	assert_int_equal(counted(world, LEAK_UNREAD), 12);
	assert_int_equal(noted(world, LEAK_UNREAD), 12);
	assert_true(world->leak_notes[world->leak_count - 1].leak.at_exit);
	world_free(world);
}

/* The healthy twin of it. */
static void an_exit_leaves_a_pool(void **state)
{
	struct world *world = clients_new();
	struct event_transition e;

	(void)state;
	leak_watch_report_exits(world->leaks);
	open_to(world, 1, &pool, "10.0.0.9", START_NS);
	server_closes(world, 1, START_NS + KEEP);
	e = make_transition(1, &held[0].flow, TCP_CLOSE_WAIT, TCP_LAST_ACK,
			    START_NS + KEEP + 500 * MS);
	make_actor(&e, &pool);
	e.flow.flags |= EVENT_EXITING;
	e.recv_queue = 1;
	world_feed(world, &e);
	assert_int_equal(noted(world, LEAK_IDLE), 1);
	assert_true(world->leak_notes[0].leak.at_exit);
	assert_int_equal(world->leak_count, 1);
	world_free(world);
}

static const struct call_frame frames[] = {{.function = "net/http.(*Transport).dialConn"},
					   {.function = "main.main"}};
static struct call_stack named;
static bool are_named;

static const struct call_stack *names(void *context, uint32_t stack)
{
	(void)context;
	assert_int_equal(stack, 5);
	return are_named ? &named : NULL;
}

/* Go's pool reads its connections: what it does not read is no idle one. At an exit, the names that
 * say so may come later than the record. */
static void what_go_does_not_read_is_forgotten(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < 2; first++) { /* which frame is the innermost */
		struct world *world = clients_new();
		struct leak_hooks hooks = {.leaked = world_on_leaked,
					   .ended = world_on_leak_ended,
					   .names = names,
					   .context = world};
		struct scan_result result = scan_new(START_NS + 10 * NS_PER_S);
		struct event_transition e;

		leak_watch_free(world->leaks);
		world->leaks = leak_watch_new(&world->tracker, W, &hooks);
		leak_watch_report_exits(world->leaks);
		named = (struct call_stack){.frames = frames + first, .count = 2 - first};
		are_named = false;
		open_to(world, 1, &pool, "10.0.0.9", START_NS);
		world_find(world, 1)->stack = 5;
		server_closes(world, 1, START_NS + KEEP);
		e = make_transition(1, &held[0].flow, TCP_CLOSE_WAIT, TCP_LAST_ACK,
				    START_NS + KEEP + 500 * MS);
		make_actor(&e, &pool);
		e.flow.flags |= EVENT_EXITING;
		e.recv_queue = 1;
		world_feed(world, &e);
		assert_int_equal(world->leak_count, 0);
		are_named = true;
		leak_watch_collect_last(world->leaks, START_NS + 10 * NS_PER_S);
		judge(world, &result, START_NS + 10 * NS_PER_S);
		assert_int_equal(world->leak_count, 1);
		assert_int_equal(noted(world, first ? LEAK_IDLE : LEAK_UNREAD), 1);
		assert_true(world->leak_notes[0].leak.at_exit);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_replaces_its_connection),
		cmocka_unit_test(forgotten_ones_pile_up),
		cmocka_unit_test(all_that_are_found_at_once_are_judged_together),
		cmocka_unit_test(strict_makes_them_leaks),
		cmocka_unit_test(bursts_do_not_pile_up),
		cmocka_unit_test(threads_take_turns),
		cmocka_unit_test(a_pool_does_not_hide_what_is_forgotten),
		cmocka_unit_test(peers_and_processes_are_apart),
		cmocka_unit_test(one_that_is_read_later_is_unclosed),
		cmocka_unit_test(data_unread_is_not_idle),
		cmocka_unit_test(the_client_is_known_by_evidence),
		cmocka_unit_test(what_an_exit_leaves_counts_too),
		cmocka_unit_test(an_exit_leaves_a_pool),
		cmocka_unit_test(what_go_does_not_read_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
