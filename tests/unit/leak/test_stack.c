// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Leaks wait a limited time for the names of their stacks. */
#include "leaks.h"

#include "leak/pending.h"

#define MS     NS_PER_MS
#define DUE_NS (START_NS + 10 * NS_PER_S)

/* Stacks 1 to 3; the first two have the same line of code. */
static const struct call_frame frames[] = {
	{.ip = 1,
	 .function = "handle",
	 .file = "/s/server.c",
	 .line = 118,
	 .module = "/srv/server"},
	{.ip = 2, .function = "fetch", .file = "/s/client.c", .line = 7, .module = "/srv/server"},
};
static const struct call_stack stacks[] = {
	{.frames = &frames[0], .count = 1, .how = STACK_ACCEPT},
	{.frames = &frames[0], .count = 1, .how = STACK_ACCEPT},
	{.frames = &frames[1], .count = 1, .how = STACK_CONNECT},
};

static unsigned int known; /* bit n: the names of stack n are there */
static unsigned int asked; /* number of calls */

static const struct call_stack *give_names(void *context, uint32_t stack)
{
	assert_non_null(context);
	assert_in_range(stack, 1, ARRAY_SIZE(stacks));
	asked++;
	return known >> stack & 1 ? &stacks[stack - 1] : NULL;
}

static struct world *stacks_new(uint64_t threshold_ns)
{
	struct world *world = world_new(&everything);
	struct leak_hooks hooks = {.leaked = world_on_leaked,
				   .ended = world_on_leak_ended,
				   .names = give_names,
				   .context = world};

	known = asked = 0;
	world->leaks = leak_watch_new(&world->tracker, threshold_ns, &hooks);
	assert_non_null(world->leaks);
	return world;
}

/* A connection that is accepted with this stack, and then closed by its peer. */
static void enter_with(struct world *world, uint64_t cookie, uint32_t stack, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns);

	world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns - MS, NULL);
	world_find(world, cookie)->stack = stack;
	e.write_seq = 5000;
	e.copied_seq = 7000;
	world_feed(world, &e);
}

static const struct leak *leak_of(const struct world *world, size_t index)
{
	assert_true(index < world->leak_count);
	return &world->leak_notes[index].leak;
}

static void names_that_are_there_cost_no_time(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);

	(void)state;
	known = 1U << 1;
	enter_with(world, 1, 1, START_NS);
	enter_with(world, 2, 0, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS), 2);
	judge_idle(world, 1, 2, DUE_NS);
	assert_ptr_equal(leak_of(world, 0)->stack, &stacks[0]);
	assert_int_equal(leak_of(world, 0)->site, 1);
	assert_null(leak_of(world, 1)->stack);
	assert_int_equal(leak_of(world, 1)->site, 0);
	assert_false(leak_names_outstanding(&leak_watch_reports(world->leaks)->names, DUE_NS));
	world_free(world);
}

static void no_leak_is_judged_before_its_names_are_there(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);

	(void)state;
	enter_with(world, 1, 1, START_NS);
	enter_with(world, 2, 3, START_NS);
	enter_with(world, 3, 0, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS), 1); /* the third */
	judge_idle(world, 3, 3, DUE_NS);
	assert_int_equal(world->leak_count, 1);
	assert_true(leak_names_outstanding(&leak_watch_reports(world->leaks)->names, DUE_NS));
	assert_int_equal(leak_watch_deadline(world->leaks), DUE_NS + 10 * MS);

	known = 1U << 3;
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS + 10 * MS), 1);
	judge_idle(world, 2, 2, DUE_NS + 10 * MS);
	assert_int_equal(world->leak_count, 2);
	assert_int_equal(leak_of(world, 1)->cookie, 2);
	assert_ptr_equal(leak_of(world, 1)->stack, &stacks[2]);
	assert_int_equal(leak_of(world, 1)->age_ns, 10 * NS_PER_S + 10 * MS);
	assert_true(
		leak_names_outstanding(&leak_watch_reports(world->leaks)->names, DUE_NS + 10 * MS));
	world_free(world);
}

/* It is closed while it waits: a leak that has ended is not reported. */
static void what_ends_while_it_waits_is_no_leak(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);

	(void)state;
	enter_with(world, 1, 1, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS), 0);
	leave(world, 1, DUE_NS + 5 * MS);
	known = 1U << 1;
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS + 10 * MS), 0);
	assert_int_equal(world->leak_count + world->end_count, 0);
	assert_false(
		leak_names_outstanding(&leak_watch_reports(world->leaks)->names, DUE_NS + 10 * MS));
	assert_int_equal(leak_watch_deadline(world->leaks), UINT64_MAX);
	world_free(world);
}

/* After 2 s it is reported without names. Later leaks of this stack do not wait, and have the names
 * once they are there. */
static void no_leak_waits_for_long(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);
	uint64_t now_ns = DUE_NS, waited_ns;

	(void)state;
	enter_with(world, 1, 1, START_NS);
	enter_with(world, 2, 1, START_NS + 3 * NS_PER_S);
	enter_with(world, 3, 1, START_NS + 4 * NS_PER_S);
	while (!leak_watch_collect(world->leaks, now_ns)) {
		now_ns = leak_watch_deadline(world->leaks);
		assert_true(now_ns <= DUE_NS + LEAK_NAMES_WAIT + 10 * MS);
	}
	judge_idle(world, 1, 1, now_ns);
	waited_ns = now_ns - DUE_NS;
	assert_in_range(waited_ns, LEAK_NAMES_WAIT, LEAK_NAMES_WAIT + 10 * MS);
	assert_in_range(asked, 100, 300);
	assert_null(leak_of(world, 0)->stack);
	assert_false(leak_names_outstanding(&leak_watch_reports(world->leaks)->names, now_ns));

	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS + 3 * NS_PER_S), 1);
	judge_idle(world, 2, 2, DUE_NS + 3 * NS_PER_S);
	assert_null(leak_of(world, 1)->stack);
	known = 1U << 1;
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS + 4 * NS_PER_S), 1);
	judge_idle(world, 3, 3, DUE_NS + 4 * NS_PER_S);
	assert_ptr_equal(leak_of(world, 2)->stack, &stacks[0]);
	world_free(world);
}

static void without_a_hook_nothing_waits(void **state)
{
	struct world *world = leaks_new(10 * NS_PER_S);

	(void)state;
	enter_with(world, 1, 1, START_NS);
	assert_int_equal(leak_watch_collect(world->leaks, DUE_NS), 1);
	judge_idle(world, 1, 1, DUE_NS);
	assert_null(leak_of(world, 0)->stack);
	assert_false(leak_names_outstanding(&leak_watch_reports(world->leaks)->names, DUE_NS));
	world_free(world);
}

/* -w 0: names are asked for at the entry, because the socket will be reported. */
static void threshold_0_asks_early(void **state)
{
	struct world *world = stacks_new(0);

	(void)state;
	enter_with(world, 1, 1, START_NS);
	assert_int_equal(asked, 1);
	known = 1U << 1;
	leave(world, 1, START_NS + MS);
	assert_int_equal(world->leak_count, 1);
	assert_ptr_equal(leak_of(world, 0)->stack, &stacks[0]);
	assert_int_equal(world->end_count, 1);
	world_free(world);
}

/* The socket is removed, and a copy waits. Its end is never reported before the leak. */
static void what_is_gone_waits_as_a_copy(void **state)
{
	struct world *world = stacks_new(0);
	struct process *process = world_process(world, &server);
	const struct leak_group *group;
	const struct leak *leak;
	struct event_flow flow;
	uint32_t held;

	(void)state;
	enter_with(world, 1, 1, START_NS);
	enter_with(world, 2, 3, START_NS);
	leave(world, 1, START_NS + MS);
	leave(world, 2, START_NS + 2 * MS);
	assert_int_equal(world->leak_count + world->end_count, 0);
	flow = server_flow(1);
	world_step(world, 1, &flow, TCP_LAST_ACK, TCP_CLOSE, START_NS + 3 * MS, NULL);
	held = process->sockets;
	assert_int_equal(leak_watch_deadline(world->leaks), START_NS + 11 * MS);
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 11 * MS, false);
	assert_int_equal(world->leak_count, 0);

	known = 1U << 1;
	/* Not yet due. */
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 12 * MS, false);
	assert_int_equal(world->leak_count, 0);
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 21 * MS, false);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->end_count, 1);
	leak = leak_of(world, 0);
	assert_int_equal(leak->cookie, 1);
	assert_int_equal(leak->time_ns, START_NS + MS);
	assert_int_equal(leak->age_ns, MS);
	assert_ptr_equal(leak->process, process);
	assert_ptr_equal(leak->stack, &stacks[0]);
	assert_int_equal(leak->kind, LEAK_UNCLOSED);
	assert_int_equal(world->leak_notes[0].flow.local_port, 80);
	assert_int_equal(world->ends[0].cookie, 1);
	assert_int_equal(world->ends[0].age_ns, MS);
	assert_int_equal(world->ends[0].time_ns, START_NS + MS);
	assert_int_equal(process->leaks[LEAK_UNCLOSED], 1);
	/* The group keeps the process now, like the copy before. */
	assert_int_equal(process->sockets, held);
	group = leak_groups_next(leak_reports_groups(leak_watch_reports(world->leaks), START_NS),
				 NULL);
	assert_int_equal(group->total, 1);
	assert_int_equal(group->open, 0);
	assert_int_equal(group->oldest_ns, MS);
	assert_string_equal(group->site, "accepted at handle (server.c:118)");

	/* The names of the other one never come. */
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 1990 * MS, false);
	assert_int_equal(world->leak_count, 1);
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 2010 * MS, false);
	assert_int_equal(world->leak_count, 2);
	assert_null(leak_of(world, 1)->stack);
	assert_int_equal(leak_watch_deadline(world->leaks), UINT64_MAX);
	world_free(world);
}

static void in_the_end_nothing_waits(void **state)
{
	struct world *world = stacks_new(0);

	(void)state;
	enter_with(world, 1, 1, START_NS);
	leave(world, 1, START_NS + MS);
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 2 * MS, true);
	assert_int_equal(world->leak_count, 1);
	assert_int_equal(world->end_count, 1);
	enter_with(world, 2, 1, START_NS);
	leave(world, 2, START_NS + MS); /* it is freed with the leak watch */
	world_free(world);
}

static void copies_are_bounded(void **state)
{
	struct world *world = stacks_new(0);

	(void)state;
	for (uint64_t cookie = 1; cookie <= LEAK_PENDING_LIMIT + 3; cookie++) {
		enter_with(world, cookie, 1, START_NS);
		leave(world, cookie, START_NS + MS);
	}
	assert_int_equal(world->leak_count, 3);
	assert_null(leak_of(world, 2)->stack);
	known = 1U << 1;
	leak_reports_settle(leak_watch_reports(world->leaks), START_NS + 20 * MS, false);
	assert_int_equal(world->leak_count, LEAK_PENDING_LIMIT + 3);
	assert_int_equal(world->end_count, LEAK_PENDING_LIMIT + 3);
	assert_ptr_equal(leak_of(world, 3)->stack, &stacks[0]);
	assert_int_equal(leak_of(world, 3)->cookie, 1);
	assert_int_equal(leak_of(world, 4)->cookie, 2);
	world_free(world);
}

/* One process, kind and listener; two lines of code. */
static void groups_are_by_call_site(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);
	struct process *process = world_process(world, &server);
	static const uint32_t made_at[] = {0, 1, 2, 1, 3, 0};
	static const uint64_t totals[] = {2, 3, 1};
	struct leak_group *group = NULL;
	uint64_t open, total = 0;
	size_t count = 0;

	(void)state;
	known = ~0U;
	for (uint64_t cookie = 1; cookie <= 6; cookie++)
		enter_with(world, cookie, made_at[cookie - 1], START_NS);
	leak_watch_collect(world->leaks, DUE_NS);
	judge_idle(world, 1, 6, DUE_NS);
	while ((group = leak_groups_next(
			leak_reports_groups(leak_watch_reports(world->leaks), DUE_NS), group))) {
		count++;
		total += group->total;
		if (group->site_number == 1)
			assert_string_equal(group->site, "accepted at handle (server.c:118)");
		else if (group->site_number == 2)
			assert_string_equal(group->site, "connected at fetch (client.c:7)");
		else
			assert_null(group->site);
		assert_int_equal(group->total, totals[group->site_number]);
	}
	assert_int_equal(count, 3);
	assert_int_equal(total, 6);
	/* For the finding: the place has all leaks, of any call site. */
	assert_non_null(
		leak_groups_most(leak_watch_reports(world->leaks)->groups, process, false, &open));
	assert_int_equal(open, 6);
	assert_string_equal(
		leak_groups_site(leak_watch_reports(world->leaks)->groups, process, false),
		"accepted at handle (server.c:118)");
	assert_null(leak_groups_site(leak_watch_reports(world->leaks)->groups, process, true));
	assert_null(leak_groups_site(leak_watch_reports(world->leaks)->groups, NULL, false));
	world_free(world);
}

/* The same text in another program is another call site; their number is limited. */
static void sites_are_of_their_program_and_bounded(void **state)
{
	struct world *world = stacks_new(10 * NS_PER_S);
	struct process *process = world_process(world, &server);
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(world->leaks), START_NS);
	struct tcp_socket socket = {.flow = {.family = AF_INET}};
	char module[300];

	(void)state;
	for (uint32_t i = 0; i < LEAK_SITES_LIMIT + 5; i++) {
		struct call_frame frame = frames[0];
		struct call_stack stack = {.frames = &frame, .count = 1, .how = STACK_ACCEPT};
		struct leak_group *group;

		snprintf(module, sizeof(module), "/srv/%u%s", i, i % 2 ? "\n" : "");
		frame.module = module;
		group = leak_groups_get(groups, process, LEAK_UNREAD, &socket, &stack);
		if (i < LEAK_SITES_LIMIT) {
			assert_int_equal(group->site_number, i + 1);
			assert_string_equal(group->site, "accepted at handle (server.c:118)");
			assert_ptr_equal(group, leak_groups_get(groups, process, LEAK_UNREAD,
								&socket, &stack));
		} else {
			assert_null(group->site);
		}
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_there_cost_no_time),
		cmocka_unit_test(no_leak_is_judged_before_its_names_are_there),
		cmocka_unit_test(what_ends_while_it_waits_is_no_leak),
		cmocka_unit_test(no_leak_waits_for_long),
		cmocka_unit_test(without_a_hook_nothing_waits),
		cmocka_unit_test(threshold_0_asks_early),
		cmocka_unit_test(what_is_gone_waits_as_a_copy),
		cmocka_unit_test(in_the_end_nothing_waits),
		cmocka_unit_test(copies_are_bounded),
		cmocka_unit_test(groups_are_by_call_site),
		cmocka_unit_test(sites_are_of_their_program_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
