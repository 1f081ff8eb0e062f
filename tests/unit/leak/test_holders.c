// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The leak watch: the process and the holders of a leak. */
#include "world.h"

#define MS     NS_PER_MS
#define DUE_NS (START_NS + 10 * NS_PER_S)

static const struct options everything;

static const struct event_task master = {.start_ns = 5, .tgid = 200, .comm = "nginx"};
static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task helper = {.start_ns = 8, .tgid = 150, .comm = "helper"};
static const struct event_task invisible = {.start_ns = 2, .comm = "elsewhere"};

static struct world *watch_new(const struct options *options)
{
	struct world *world = world_new(options);

	world_watch_leaks(world, 10 * NS_PER_S);
	return world;
}

static void listen_on(struct world *world, uint64_t cookie, const char *address,
		      const struct event_task *task)
{
	struct event_flow flow = make_flow(address, 80, "0.0.0.0", 0);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, task);
}

static void enter(struct world *world, uint64_t cookie, const struct event_flow *flow,
		  uint64_t at_ns)
{
	world_step(world, cookie, flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns - MS, NULL);
	world_step(world, cookie, flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns, NULL);
}

/* A socket in CLOSE_WAIT that has been idle for long. */
static void add(struct scan_result *result, uint64_t cookie, const struct event_flow *flow,
		const struct event_task *holder, uint32_t fd)
{
	struct event_scan scan = make_scan(cookie, flow, TCP_CLOSE_WAIT, holder, fd, DUE_NS);

	scan.last_sent_ticks = scan.last_received_ticks = 1000000;
	scan_add(result, &scan);
}

static void add_unaccepted(struct scan_result *result, uint64_t cookie)
{
	struct event_flow flow = server_flow(cookie);

	flow.flags = 0;
	add(result, cookie, &flow, NULL, 0);
}

static void judge(struct world *world, struct scan_result *result, uint64_t now_ns)
{
	scan_result_finish(result);
	leak_watch_collect(world->leaks, now_ns);
	assert_int_equal(leak_watch_judge(world->leaks, result, now_ns), 0);
	scan_result_clear(result);
}

static void check_holder(const struct world *world, size_t i, const struct event_task *task,
			 uint32_t fd)
{
	const struct world_leak *note = &world->leak_notes[world->leak_count - 1];

	assert_true(i < note->leak.holder_count);
	assert_int_equal(note->holders[i].process->tgid, task->tgid);
	assert_int_equal(note->holders[i].process->start_ns, task->start_ns);
	assert_int_equal(note->holders[i].fd, fd);
}

static const struct leak *last_leak(const struct world *world)
{
	assert_in_range(world->leak_count, 1, WORLD_NOTES);
	return &world->leak_notes[world->leak_count - 1].leak;
}

static void every_holder_is_named_the_oldest_first(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, &flow, START_NS);
	add(&result, 1, &flow, &helper, 9);
	add(&result, 1, &flow, &worker, 12);
	add(&result, 1, &flow, &worker, 4);
	add(&result, 1, &flow, &master, 5);
	add(&result, 1, &flow, NULL, 0); /* as the TCP tables show it */
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(last_leak(world)->holder_count, 4);
	check_holder(world, 0, &master, 5);
	check_holder(world, 1, &worker, 4);
	check_holder(world, 2, &worker, 12);
	check_holder(world, 3, &helper, 9);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &master));
	assert_int_equal(last_leak(world)->kind, LEAK_UNCLOSED);
	assert_true(last_leak(world)->end_read);
	world_free(world);
}

/* The holder that connected it is preferred to an older one that inherited it. */
static void the_known_owner_comes_before_the_oldest(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = make_flow("10.0.0.2", 5000, "10.0.0.1", 443);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS - MS, &worker);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS - MS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	add(&result, 1, &flow, &master, 5);
	add(&result, 1, &flow, &worker, 6);
	judge(world, &result, DUE_NS);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	assert_int_equal(last_leak(world)->role, ROLE_CLIENT);
	assert_int_equal(last_leak(world)->holder_count, 2);
	world_free(world);
}

/* The listener's process was the provisional owner only. */
static void the_holder_comes_before_the_listener(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 2, &flow, START_NS);
	assert_ptr_equal(world_find(world, 2)->owner, world_process(world, &master));
	add(&result, 2, &flow, &worker, 6);
	judge(world, &result, DUE_NS);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	assert_int_equal(last_leak(world)->holder_count, 1);
	assert_int_equal(world_process(world, &worker)->leaks[LEAK_UNCLOSED], 1);
	assert_int_equal(world_process(world, &master)->leaks[LEAK_UNCLOSED], 0);
	/* Its owner is known now. */
	assert_ptr_equal(world_find(world, 2)->owner, world_process(world, &worker));
	world_free(world);
}

static void the_invisible_are_not_named(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, &flow, START_NS);
	add(&result, 1, &flow, &invisible, 4);
	add(&result, 1, &flow, &worker, 6);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 1);
	check_holder(world, 0, &worker, 6);
	world_free(world);
}

/* It is sent between processes, or belongs to an io_uring. */
static void without_a_descriptor_the_owner_is_named(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = make_flow("10.0.0.2", 5000, "10.0.0.1", 443);

	(void)state;
	world_step(world, 1, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS - MS, &worker);
	world_step(world, 1, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, START_NS - MS, NULL);
	world_step(world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	add(&result, 1, &flow, NULL, 0);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 0);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	world_free(world);
}

static void nobody_known_is_still_a_leak(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, &flow, START_NS);
	add_unaccepted(&result, 1);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->kind, LEAK_UNACCEPTED);
	assert_null(last_leak(world)->process);
	assert_int_equal(process_table_unknown(world->tracker.processes)->leaks[LEAK_UNACCEPTED],
			 1);
	world_step(world, 1, &flow, TCP_CLOSE_WAIT, TCP_CLOSE, DUE_NS + MS, NULL);
	assert_int_equal(world->end_count, 1);
	assert_null(world->ends[0].process);
	world_free(world);
}

static void the_unaccepted_are_their_listeners(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 2, &flow, START_NS);
	add_unaccepted(&result, 2);
	scan_add_listener(&result, 1, 80, &worker, 3, 5);
	scan_add_listener(&result, 1, 80, &master, 3, 5);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->kind, LEAK_UNACCEPTED);
	assert_int_equal(last_leak(world)->holder_count, 2);
	check_holder(world, 0, &master, 3);
	check_holder(world, 1, &worker, 3);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &master));
	world_free(world);
}

/* Children of an MPTCP listener have its flag of a kernel socket until accept(), and keep it if
 * they fall back to TCP. */
static void children_of_mptcp_are_not_the_kernels(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);

	(void)state;
	for (uint64_t cookie = 2; cookie <= 3; cookie++) {
		struct event_flow flow = server_flow(cookie);

		flow.flags = cookie == 2 ? EVENT_KERN_SOCK : EVENT_KERN_SOCK | EVENT_SK_SOCKET;
		enter(world, cookie, &flow, START_NS);
		add(&result, cookie, &flow, cookie == 2 ? NULL : &worker, 4);
	}
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 2);
	assert_int_equal(world->leak_notes[0].leak.kind, LEAK_UNACCEPTED);
	assert_int_equal(world->leak_notes[1].leak.kind, LEAK_UNCLOSED);
	world_free(world);
}

/* Of several listeners on the port, one that accepts has an empty queue. */
static void the_unaccepted_wait_where_a_backlog_is(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(4);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	listen_on(world, 2, "0.0.0.0", &worker);
	listen_on(world, 3, "0.0.0.0", &helper);
	enter(world, 4, &flow, START_NS);
	add_unaccepted(&result, 4);
	scan_add_listener(&result, 1, 80, &master, 3, 0);
	scan_add_listener(&result, 2, 80, &worker, 4, 1);
	scan_add_listener(&result, 3, 80, &helper, 5, 0);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 1);
	check_holder(world, 0, &worker, 4);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	world_free(world);
}

/* The accept queues are empty: none of the listeners can have it. */
static void without_a_backlog_nobody_is_named(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(4);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 4, &flow, START_NS);
	add_unaccepted(&result, 4);
	scan_add_listener(&result, 1, 80, &master, 3, 0);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 0);
	assert_null(last_leak(world)->process);
	assert_null(last_leak(world)->listener);
	assert_null(world_find(world, 4)->owner);
	world_free(world);
}

/* The kernel tells in whose queue it waits, whatever its address is (tproxy, sk_lookup). */
static void the_queue_tells_the_listener(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(4);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 4, &flow, START_NS);
	assert_ptr_equal(world_find(world, 4)->owner, world_process(world, &master));
	add_unaccepted(&result, 4);
	scan_add_listener(&result, 1, 80, &master, 3, 7);
	scan_add_listener(&result, 2, 15001, &worker, 4, 1);
	assert_int_equal(accept_queues_add(&result.queues, 2, 4), 0);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 1);
	check_holder(world, 0, &worker, 4);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	assert_ptr_equal(world_find(world, 4)->owner, world_process(world, &worker));
	world_free(world);
}

/* Only the beginning of a queue is told: behind two of them it can be in either. */
static void behind_two_long_queues_nobody_is_named(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(4);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 4, &flow, START_NS);
	add_unaccepted(&result, 4);
	scan_add_listener(&result, 1, 80, &master, 3, 2000);
	scan_add_listener(&result, 2, 15001, &worker, 4, 2000);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 0);
	assert_null(last_leak(world)->process);
	world_free(world);
}

/* Of many holders the first ones are named, and the one that is reported in any case. */
static void many_holders_are_counted(void **state)
{
	static uint32_t pid = 1100;
	const struct options options = {.pids = &pid, .pid_count = 1};
	struct world *world = watch_new(&options);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, &flow, START_NS);
	for (uint32_t i = 0; i < 200; i++) {
		const struct event_task task = make_task(1000 + i, 1 + i, "worker");

		add(&result, 1, &flow, &task, 5);
	}
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_total, 200);
	assert_int_equal(last_leak(world)->holder_count, LEAK_HOLDERS_NAMED);
	assert_int_equal(last_leak(world)->process->tgid, pid);
	assert_int_equal(world->leak_notes[0].holders[0].process->tgid, 1000);
	assert_int_equal(world->leak_notes[0].holders[LEAK_HOLDERS_NAMED - 1].process->tgid, pid);
	world_free(world);
}

/* systemd keeps the listeners of the services that it starts. */
static void who_keeps_it_for_another_is_not_named(void **state)
{
	const struct event_task systemd = make_task(1, 1, "systemd");
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &systemd);
	enter(world, 2, &flow, START_NS);
	add_unaccepted(&result, 2);
	scan_add_listener(&result, 1, 80, &systemd, 40, 1);
	scan_add_listener(&result, 1, 80, &worker, 3, 1);
	judge(world, &result, DUE_NS);
	assert_int_equal(last_leak(world)->holder_count, 2);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	world_free(world);
}

static void each_leak_has_its_own_holders(void **state)
{
	struct world *world = watch_new(&everything);
	struct scan_result result = scan_new(DUE_NS);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++) {
		struct event_flow flow = server_flow(cookie);

		enter(world, cookie, &flow, START_NS);
		add(&result, cookie, &flow, cookie == 2 ? &helper : &worker, (uint32_t)cookie);
	}
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(world->leak_notes[i].leak.holder_count, 1);
		assert_int_equal(world->leak_notes[i].holders[0].fd, i + 1);
		assert_int_equal(world->leak_notes[i].leak.process->tgid, i == 1 ? 150 : 201);
	}
	world_free(world);
}

static const uint32_t worker_pid[] = {201};
static const struct options of_worker = {.pids = (uint32_t *)worker_pid, .pid_count = 1};

/* -p WORKER: the listener belongs to the master, and the worker holds the socket. */
static void a_watched_holder_is_reported(void **state)
{
	struct world *world = watch_new(&of_worker);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &master);
	enter(world, 2, &flow, START_NS);
	add(&result, 2, &flow, &master, 8); /* the older process */
	add(&result, 2, &flow, &worker, 6);
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 1);
	assert_ptr_equal(last_leak(world)->process, world_process(world, &worker));
	/* The other holders are reported too. */
	assert_int_equal(last_leak(world)->holder_count, 2);
	world_free(world);
}

/* -p WORKER, which listens: a socket that another process accepted is not its leak. */
static void a_watched_listener_is_not_to_blame(void **state)
{
	struct world *world = watch_new(&of_worker);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	listen_on(world, 1, "0.0.0.0", &worker);
	enter(world, 2, &flow, START_NS);
	assert_ptr_equal(world_find(world, 2)->owner, world_process(world, &worker));
	add(&result, 2, &flow, &master, 8);
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 0);
	assert_true(leak_watch_deadline(world->leaks) == UINT64_MAX);
	/* Its end is not reported either. */
	world_step(world, 2, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, DUE_NS + MS, &master);
	assert_int_equal(world->end_count, 0);
	world_free(world);
}

static void leaks_of_nobody_watched_are_not_reported(void **state)
{
	struct world *world = watch_new(&of_worker);
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(2);

	(void)state;
	enter(world, 2, &flow, START_NS);
	add_unaccepted(&result, 2);
	judge(world, &result, DUE_NS);
	assert_int_equal(world->leak_count, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_holder_is_named_the_oldest_first),
		cmocka_unit_test(the_known_owner_comes_before_the_oldest),
		cmocka_unit_test(the_holder_comes_before_the_listener),
		cmocka_unit_test(the_invisible_are_not_named),
		cmocka_unit_test(without_a_descriptor_the_owner_is_named),
		cmocka_unit_test(nobody_known_is_still_a_leak),
		cmocka_unit_test(the_unaccepted_are_their_listeners),
		cmocka_unit_test(children_of_mptcp_are_not_the_kernels),
		cmocka_unit_test(the_unaccepted_wait_where_a_backlog_is),
		cmocka_unit_test(without_a_backlog_nobody_is_named),
		cmocka_unit_test(the_queue_tells_the_listener),
		cmocka_unit_test(behind_two_long_queues_nobody_is_named),
		cmocka_unit_test(many_holders_are_counted),
		cmocka_unit_test(who_keeps_it_for_another_is_not_named),
		cmocka_unit_test(each_leak_has_its_own_holders),
		cmocka_unit_test(a_watched_holder_is_reported),
		cmocka_unit_test(a_watched_listener_is_not_to_blame),
		cmocka_unit_test(leaks_of_nobody_watched_are_not_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
