// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Processes that have ended, and of which only mini-sockets are left. */
#include "minis.h"

#include <unistd.h>

#include "metric/group.h"
#include "track/sample.h"

static bool nobody_lives(void *context, uint32_t tgid)
{
	(void)context;
	(void)tgid;
	return false;
}

static bool only_one_lives(void *context, uint32_t tgid)
{
	return *(const uint32_t *)context == tgid;
}

/* A process that makes one connection, closes it first and leaves it in TIME_WAIT. */
static void leave_one(struct world *world, uint64_t cookie, const struct event_task *task,
		      uint64_t at_ns)
{
	struct event_flow flow = client_flow(cookie);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, at_ns - 3 * MS, task);
	world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, at_ns - 2 * MS, NULL);
	world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, at_ns - MS, task);
	world_step(world, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, at_ns - MS, NULL);
	last_step(world, cookie, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, at_ns);
	world->change_count = 0;
}

static struct event_task job(uint32_t tgid)
{
	return make_task(tgid, tgid * NS_PER_MS, "job");
}

static const struct process *folded(struct world *world)
{
	struct process *process = NULL;

	while ((process = process_table_next(world->tracker.processes, process)))
		if (!process->tgid && !strcmp(process->comm, "job"))
			return process;
	return NULL;
}

/* Runs so many, 2,000 a second; returns the most processes that were kept at a time. */
static size_t run_jobs(struct world *world, uint32_t count)
{
	size_t most = 0;

	for (uint32_t i = 1; i <= count; i++) {
		struct event_task task = job(i);
		size_t kept;

		leave_one(world, i, &task, START_NS + i * NS_PER_S / 2000);
		tracker_fold(&world->tracker, nobody_lives, NULL);
		kept = process_table_count(world->tracker.processes);
		most = kept > most ? kept : most;
	}
	return most;
}

#define JOBS 40000

static void short_processes_do_not_pile_up(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct world *world = full ? world_new_full(&everything) : world_new(&everything);
		size_t most = run_jobs(world, JOBS);
		const struct process *all = folded(world);

		assert_in_range(most, 1, PROCESS_TABLE_LIMIT + JOBS / 32 + 256);
		assert_int_equal(mini_table_count(world->tracker.minis), JOBS);
		assert_non_null(all);
		assert_int_equal(process_transitions(all, TCP_ESTABLISHED, TCP_FIN_WAIT1),
				 all->merged);
		assert_int_equal(all->sockets, all->merged);
		assert_in_range(all->merged, JOBS - most, JOBS);
		world_free(world);
	}
}

/* What ends later is counted there, with its lifetime, as if it had ended before. */
static void what_ends_later_is_counted(void **state)
{
	struct world *world = world_new_full(&everything);
	const struct process *all;
	uint32_t merged;

	(void)state;
	run_jobs(world, PROCESS_TABLE_LIMIT + 512);
	all = folded(world);
	merged = all->merged;
	for (uint32_t i = 1; i <= merged; i++) {
		struct mini_socket *mini = world_find_mini(world, i);

		assert_ptr_equal(mini->owner, all);
		assert_int_equal(mini->owner_source, OWNER_CONNECT);
		feed_mini(world, i, MINI_ENDED, TCP_TIME_WAIT, 0,
			  START_NS + i * NS_PER_S / 2000 + 60 * NS_PER_S);
		assert_ptr_equal(world_last(world)->change.owner, all);
		world->change_count = 0;
	}
	check_lifetimes(all, TCP_TIME_WAIT, merged, merged * 60 * NS_PER_S);
	assert_int_equal(all->sockets, 0);
	assert_int_equal(all->minis, 0);
	assert_int_equal(all->merged, merged);
	world_free(world);
}

/* Nor is one that still has a socket, or has had one a moment ago. */
static void the_living_keep_theirs(void **state)
{
	struct world *world = world_new(&everything);
	struct event_task task = job(7), holder = job(8);
	struct event_flow flow = client_flow(70007);
	uint32_t living = 7;

	(void)state;
	leave_one(world, 70001, &task, START_NS);
	leave_one(world, 70002, &holder, START_NS);
	world_step(world, 70007, &flow, TCP_CLOSE, TCP_SYN_SENT, START_NS, &holder);
	for (uint32_t i = 100; i < 4 * PROCESS_TABLE_LIMIT; i++) {
		struct event_task other = job(i);

		leave_one(world, i, &other, START_NS);
		tracker_fold(&world->tracker, only_one_lives, &living);
	}
	assert_int_equal(world_find_mini(world, 70001)->owner->tgid, 7);
	assert_int_equal(world_find_mini(world, 70002)->owner->tgid, 8);
	assert_int_equal(world_process(world, &holder)->minis, 1);
	assert_int_equal(world_process(world, &holder)->sockets, 2);
	world_free(world);
}

static void the_unwatched_are_not_told(void **state)
{
	static uint32_t pids[] = {100000};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct world *world = world_new_full(&options);
	size_t most = run_jobs(world, 4 * PROCESS_TABLE_LIMIT);

	(void)state;
	assert_in_range(most, 1, 2 * PROCESS_TABLE_LIMIT);
	assert_null(folded(world));
	assert_non_null(world_find_mini(world, 1)->owner);
	assert_false(world_find_mini(world, 1)->owner->watched);
	feed_mini(world, 1, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60 * NS_PER_S);
	assert_null(process_table_unknown(world->tracker.processes)->transitions);
	world_free(world);
}

/* The groups of metrics are those that they would be, whatever their labels. */
static void groups_stay_the_same(void **state)
{
	const struct metric_labels labels = {.pid = true, .cgroup = true};
	struct metric_groups *groups = metric_groups_new(&labels, 4 * PROCESS_TABLE_LIMIT);
	struct world *world = world_new_full(&everything);
	struct event_task task = make_task((uint32_t)getpid(), 5, "job");
	struct metric_group *group;
	struct sample_member member;
	uint32_t cgroup;

	(void)state;
	process_table_set_metrics(world->tracker.processes, groups);
	leave_one(world, 100000, &task, START_NS);
	cgroup = world_process(world, &task)->cgroup;
	assert_int_not_equal(cgroup, 0);
	group = sample_group(world_process(world, &task), NETNS);
	run_jobs(world, 2 * PROCESS_TABLE_LIMIT);
	assert_int_equal(world_find_mini(world, 100000)->owner->tgid, 0);
	member = mini_member(&world->tracker, world_find_mini(world, 100000));
	assert_int_equal(member.pid, getpid());
	assert_int_equal(member.cgroup, cgroup);
	assert_ptr_equal(sample_member_group(&member, NETNS), group);
	assert_int_equal(group->transitions[TCP_TIME_WAIT][TCP_CLOSE], 0);
	feed_mini(world, 100000, MINI_ENDED, TCP_TIME_WAIT, 0, START_NS + 60 * NS_PER_S);
	assert_int_equal(group->transitions[TCP_TIME_WAIT][TCP_CLOSE], 1);
	assert_int_equal(group->lifetimes[TCP_TIME_WAIT].sum_ns, 60 * NS_PER_S);
	world_free(world);
	metric_groups_free(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_processes_do_not_pile_up),
		cmocka_unit_test(what_ends_later_is_counted),
		cmocka_unit_test(the_living_keep_theirs),
		cmocka_unit_test(the_unwatched_are_not_told),
		cmocka_unit_test(groups_stay_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
