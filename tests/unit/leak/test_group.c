// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include "leak/family.h"

#define MS     NS_PER_MS
#define DUE_NS (START_NS + 10 * NS_PER_S)

static const struct options everything;

static const struct event_task worker = {.start_ns = 7, .tgid = 201, .comm = "nginx"};
static const struct event_task helper = {.start_ns = 8, .tgid = 150, .comm = "helper"};

static struct world *watch_new(void)
{
	struct world *world = world_new(&everything);

	world_watch_leaks(world, 10 * NS_PER_S);
	return world;
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

static void judge(struct world *world, struct scan_result *result, uint64_t now_ns)
{
	scan_result_finish(result);
	leak_watch_collect(world->leaks, now_ns);
	assert_int_equal(leak_watch_judge(world->leaks, result, now_ns), 0);
	scan_result_clear(result);
}

static const struct leak_group *only_group(struct world *world, uint64_t now_ns)
{
	struct leak_groups *groups = leak_reports_groups(leak_watch_reports(world->leaks), now_ns);
	const struct leak_group *group = leak_groups_next(groups, NULL);

	assert_non_null(group);
	assert_null(leak_groups_next(groups, (struct leak_group *)group));
	return group;
}

static void groups_have_the_age_of_their_oldest(void **state)
{
	struct world *world = watch_new();
	struct scan_result result = scan_new(DUE_NS);
	const struct leak_group *group;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++) {
		struct event_flow flow = server_flow(cookie);

		enter(world, cookie, &flow, START_NS + (cookie - 1) * NS_PER_S);
		add(&result, cookie, &flow, &worker, (uint32_t)cookie);
	}
	judge(world, &result, START_NS + 15 * NS_PER_S);
	group = only_group(world, START_NS + 20 * NS_PER_S);
	assert_string_equal(group->place, "10.0.0.1:80");
	assert_ptr_equal(group->process, world_process(world, &worker));
	assert_int_equal(group->total, 3);
	assert_int_equal(group->open, 3);
	assert_int_equal(group->oldest_ns, 20 * NS_PER_S);
	assert_false(group->oldest_at_least);
	/* The oldest is closed at an age of 25 s; the next one reaches that a second later. */
	for (uint64_t cookie = 1; cookie <= 3; cookie++) {
		struct event_flow flow = server_flow(cookie);

		world_step(world, cookie, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK,
			   START_NS + (24 + cookie) * NS_PER_S, &worker);
		if (cookie == 1) {
			group = only_group(world, START_NS + 25 * NS_PER_S);
			assert_int_equal(group->oldest_ns, 25 * NS_PER_S);
			assert_int_equal(group->open, 2);
			group = only_group(world, START_NS + 26 * NS_PER_S + MS);
			assert_int_equal(group->oldest_ns, 25 * NS_PER_S + MS);
		}
	}
	group = only_group(world, START_NS + 900 * NS_PER_S);
	assert_int_equal(group->total, 3);
	assert_int_equal(group->open, 0);
	assert_int_equal(group->oldest_ns, 25 * NS_PER_S + MS);
	world_free(world);
}

/* Its end was not seen, so its age is that of its report. */
static void groups_keep_the_age_of_the_report(void **state)
{
	struct world *world = watch_new();
	struct scan_result result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);

	(void)state;
	enter(world, 1, &flow, START_NS);
	add(&result, 1, &flow, &worker, 4);
	judge(world, &result, START_NS + 11 * NS_PER_S);
	leak_watch_leave(world->leaks, world_find(world, 1), 0);
	tracker_remove(&world->tracker, world_find(world, 1));
	assert_int_equal(only_group(world, START_NS + 90 * NS_PER_S)->oldest_ns, 11 * NS_PER_S);
	world_free(world);
}

static void groups_say_where_an_age_is_a_bound(void **state)
{
	struct world *world = watch_new();
	struct scan_result found = scan_new(START_NS), result = scan_new(DUE_NS);
	struct event_flow flow = server_flow(1);
	const struct leak_group *group;

	(void)state;
	add(&found, 1, &flow, &worker, 4); /* since 4000 s at least */
	found.records[0].time_ns = START_NS + MS;
	found.records[0].last_received_ticks = 100000;
	found.records[0].state = TCP_CLOSE_WAIT;
	world_reconcile(world, &found);
	world_find(world, 1)->role = ROLE_SERVER;
	flow = server_flow(2);
	enter(world, 2, &flow, START_NS + 2 * MS);
	add(&result, 2, &flow, &worker, 5);
	flow = server_flow(1);
	add(&result, 1, &flow, &worker, 4);
	judge(world, &result, START_NS + 11 * NS_PER_S);
	group = only_group(world, START_NS + 11 * NS_PER_S);
	assert_int_equal(group->total, 2);
	assert_true(group->oldest_at_least);
	assert_int_equal(group->oldest_ns, 11 * NS_PER_S + 99999 * 4 * MS - MS);
	world_free(world);
}

/* Groups are by process, kind and place: the listener of a server, the peer of a client. */
static void groups_are_by_process_kind_and_place(void **state)
{
	struct world *world = watch_new();
	struct scan_result result = scan_new(DUE_NS);
	static const struct {
		const char *place;
		enum leak_kind kind;
		uint32_t tgid;
		uint64_t total;
	} wanted[] = {
		{"10.0.0.1:80", LEAK_UNCLOSED, 201, 2}, /* two clients of one listener */
		{"10.0.0.1:80", LEAK_UNCLOSED, 150, 1},
		{"10.0.0.1:80", LEAK_UNREAD, 201, 1},
		{"10.0.0.1:443", LEAK_UNCLOSED, 201, 2}, /* two connections to one peer */
	};
	struct leak_group *group = NULL;
	size_t count = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 6; cookie++) {
		struct event_flow flow = server_flow(cookie);

		if (cookie > 4) {
			flow = make_flow("10.0.0.2", (uint16_t)(5000 + cookie), "10.0.0.1", 443);
			world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS - MS,
				   &worker);
			world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED,
				   START_NS - MS, NULL);
			world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS,
				   NULL);
		} else {
			enter(world, cookie, &flow, START_NS);
		}
		add(&result, cookie, &flow, cookie == 3 ? &helper : &worker, 4);
		result.records[result.count - 1].recv_queue = cookie == 4;
	}
	judge(world, &result, DUE_NS);
	while ((group = leak_groups_next(
			leak_reports_groups(leak_watch_reports(world->leaks), DUE_NS), group))) {
		size_t i = 0;

		while (i < ARRAY_SIZE(wanted) &&
		       (strcmp(group->place, wanted[i].place) != 0 ||
			group->kind != wanted[i].kind || group->process->tgid != wanted[i].tgid))
			i++;
		assert_true(i < ARRAY_SIZE(wanted));
		assert_int_equal(group->total, wanted[i].total);
		assert_int_equal(group->role,
				 strchr(group->place, '4') ? ROLE_CLIENT : ROLE_SERVER);
		count++;
	}
	assert_int_equal(count, ARRAY_SIZE(wanted));
	world_free(world);
}

/* A server's peer and a client's own port change with each connection. */
static void places_differ_by_what_stays(void **state)
{
	struct world *world = watch_new();
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct process *process = world_process(world, &worker);
	struct tcp_socket base = {.flow = {.netns = NETNS,
					   .family = AF_INET,
					   .local = {10, 0, 0, 1},
					   .local_port = 80,
					   .remote = {10, 0, 0, 2},
					   .remote_port = 443}};

	(void)state;
	for (unsigned int role = ROLE_UNKNOWN; role <= ROLE_SERVER; role++) {
		bool is_server = role == ROLE_SERVER;
		struct tcp_socket variants[7];
		struct leak_group *first;

		base.role = role;
		first = leak_groups_get(groups, process, LEAK_UNREAD, &base, NULL);
		assert_string_equal(first->place, is_server ? "10.0.0.1:80" : "10.0.0.2:443");
		for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
			variants[i] = base;
		variants[0].flow.local[3]++;
		variants[1].flow.local_port++;
		variants[2].flow.remote[3]++;
		variants[3].flow.remote_port++;
		variants[4].flow.netns++;
		variants[5].flow.family = AF_INET6;
		variants[6].cookie++;
		for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
			bool same = i == 6 || (i < 4 && (i < 2) != is_server);
			struct leak_group *group =
				leak_groups_get(groups, process, LEAK_UNREAD, &variants[i], NULL);

			if ((group == first) != same)
				fail_msg("role %u, variant %zu", role, i);
			assert_ptr_equal(
				leak_groups_get(groups, process, LEAK_UNREAD, &variants[i], NULL),
				group);
		}
	}
	world_free(world);
}

/* A connection that is older than tcpwatch, and a newer one to the same peer. */
static void a_peer_is_one_group_whatever_is_known(void **state)
{
	struct world *world = watch_new();
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct process *process = world_process(world, &worker);
	struct tcp_socket socket = {.flow = {.family = AF_INET, .remote_port = 443}};
	struct leak_group *older = leak_groups_get(groups, process, LEAK_UNREAD, &socket, NULL);

	(void)state;
	socket.role = ROLE_CLIENT;
	assert_ptr_equal(leak_groups_get(groups, process, LEAK_UNREAD, &socket, NULL), older);
	socket.role = ROLE_SERVER;
	assert_ptr_not_equal(leak_groups_get(groups, process, LEAK_UNREAD, &socket, NULL), older);
	world_free(world);
}

static bool nobody_lives(void *context, uint32_t tgid)
{
	(void)context;
	(void)tgid;
	return false;
}

/* A crawler that leaks at every host it visits, with many short processes. */
static void groups_are_bounded_and_hold_their_process(void **state)
{
	struct world *world = watch_new();
	struct tcp_socket socket = {.role = ROLE_CLIENT, .flow = {.family = AF_INET}};
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct leak_group *group = NULL;
	uint64_t total = 0, others = 0;
	size_t count = 0;

	(void)state;
	for (uint32_t i = 0; i < 5 * LEAK_GROUPS_LIMIT; i++) {
		struct event_task task = make_task(1000 + i, i, "crawler");

		socket.flow.remote[2] = (uint8_t)(i >> 8);
		socket.flow.remote[3] = (uint8_t)i;
		group = leak_groups_get(groups, world_process(world, &task), LEAK_UNREAD, &socket,
					NULL);
		group->total++;
	}
	process_table_fold(world->tracker.processes, 0, nobody_lives, NULL);
	group = NULL;
	while ((group = leak_groups_next(groups, group))) {
		count++;
		total += group->total;
		if (!strcmp(group->place, "(others)")) {
			others += group->total;
			assert_int_equal(group->kind, LEAK_UNREAD);
			assert_null(group->process);
		} else {
			assert_string_equal(group->process->comm, "crawler");
		}
	}
	assert_int_equal(total, 5 * LEAK_GROUPS_LIMIT);
	assert_int_equal(others, 4 * LEAK_GROUPS_LIMIT);
	assert_int_equal(count, LEAK_GROUPS_LIMIT + 1);
	world_free(world);
}

static void leak_at(struct world *world, uint32_t pid, const char *comm, unsigned int count)
{
	const struct tcp_socket socket = {
		.role = ROLE_SERVER,
		.flow = {.family = AF_INET, .local = {10, 0, 0, 1}, .local_port = 23}};
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	const struct event_task task = make_task(pid, pid, comm);

	for (unsigned int i = 0; i < count; i++) {
		struct leak_group *group = leak_groups_get(groups, world_process(world, &task),
							   LEAK_UNCLOSED, &socket, NULL);

		leak_group_count(group);
		group->open++;
	}
}

static size_t count_groups(struct world *world)
{
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	const struct leak_group *group = NULL;
	size_t count = 0;

	while ((group = leak_groups_next(groups, (struct leak_group *)group)))
		count++;
	return count;
}

/* A server that forks for each connection, for longer than there is room for groups. */
static void many_processes_with_a_leak_each_are_one_group(void **state)
{
	struct world *world = watch_new();
	const struct leak_group *group;
	uint64_t open;

	(void)state;
	for (uint32_t i = 1; i <= 3 * LEAK_GROUPS_LIMIT; i++) {
		leak_at(world, 1000 + i, "telnetd", 1);
		assert_int_equal(count_groups(world), i < LEAK_FAMILY_MANY ? i : 1);
	}
	group = only_group(world, START_NS);
	assert_int_equal(group->total, 3 * LEAK_GROUPS_LIMIT);
	assert_int_equal(group->open, 3 * LEAK_GROUPS_LIMIT);
	assert_string_equal(group->process->comm, "telnetd");
	assert_int_equal(group->process->tgid, 0);
	assert_string_equal(group->place, "10.0.0.1:23");
	assert_ptr_equal(
		leak_groups_most(leak_reports_groups(leak_watch_reports(world->leaks), START_NS),
				 group->process, false, &open),
		group);
	assert_int_equal(open, 3 * LEAK_GROUPS_LIMIT);
	/* One with many is a case of its own, and so is another program. */
	leak_at(world, 1001, "telnetd", LEAK_FAMILY_FEW);
	leak_at(world, 99, "sshd", 1);
	assert_int_equal(count_groups(world), 3);
	world_free(world);
}

/* Workers of a server that leak again and again are told one by one. */
static void workers_with_many_leaks_stay_apart(void **state)
{
	struct world *world = watch_new();

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		leak_at(world, 1000 + i, "nginx", LEAK_FAMILY_FEW);
	assert_int_equal(count_groups(world), 1);
	for (uint32_t i = 0; i < 16; i++)
		leak_at(world, 1000 + i, "nginx", 1);
	assert_int_equal(count_groups(world), 16);
	world_free(world);
}

static void free_takes_null(void **state)
{
	(void)state;
	leak_groups_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_have_the_age_of_their_oldest),
		cmocka_unit_test(groups_keep_the_age_of_the_report),
		cmocka_unit_test(groups_say_where_an_age_is_a_bound),
		cmocka_unit_test(groups_are_by_process_kind_and_place),
		cmocka_unit_test(places_differ_by_what_stays),
		cmocka_unit_test(a_peer_is_one_group_whatever_is_known),
		cmocka_unit_test(groups_are_bounded_and_hold_their_process),
		cmocka_unit_test(many_processes_with_a_leak_each_are_one_group),
		cmocka_unit_test(workers_with_many_leaks_stay_apart),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
