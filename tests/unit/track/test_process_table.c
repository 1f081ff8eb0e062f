// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <malloc.h>

#include "model/options.h"
#include "track/process_table.h"
#include "track/socket_table.h"

static const struct options everything;

/* A table and its filter. */
struct fixture {
	struct filter *watched;
	struct process_table *table;
};

static struct fixture fixture_new(const struct options *options)
{
	struct fixture fixture = {.watched = filter_new(options)};

	assert_non_null(fixture.watched);
	fixture.table = process_table_new(fixture.watched);
	assert_non_null(fixture.table);
	return fixture;
}

static void fixture_free(struct fixture *fixture)
{
	process_table_free(fixture->table);
	filter_free(fixture->watched);
}

static struct process *get(struct fixture *fixture, uint32_t tgid, uint64_t start_ns,
			   const char *comm)
{
	struct event_task task = make_task(tgid, start_ns, comm);

	return process_table_get(fixture->table, &task);
}

static bool nobody_lives(void *context, uint32_t tgid)
{
	(void)context;
	(void)tgid;
	return false;
}

static bool even_pids_live(void *context, uint32_t tgid)
{
	(void)context;
	return tgid % 2 == 0;
}

/* The sums over all entries of a walk. */
struct sums {
	size_t entries;
	size_t singles;
	uint64_t merged;
	uint64_t transitions[TCP_STATES][TCP_STATES];
	uint64_t count;
	uint64_t sum_ns;
	uint64_t leaks;
};

static uint64_t transitions(const struct process *process, unsigned int from, unsigned int to)
{
	return counters_get(process->transitions, process_transition(from, to));
}

static struct sums walk(struct fixture *fixture)
{
	struct process *process = NULL, *last = NULL;
	struct sums sums = {0};

	while ((process = process_table_next(fixture->table, process))) {
		last = process;
		sums.entries++;
		sums.singles += process->tgid != 0;
		sums.merged += process->merged;
		for (unsigned int i = 0; i < TCP_STATES; i++)
			for (unsigned int j = 0; j < TCP_STATES; j++)
				sums.transitions[i][j] += transitions(process, i, j);
		for (int i = 0; i < TCP_STATES; i++) {
			sums.count += process->lifetimes[i] ? process->lifetimes[i]->count : 0;
			sums.sum_ns += process->lifetimes[i] ? process->lifetimes[i]->sum_ns : 0;
		}
		for (int i = 0; i < LEAK_KINDS; i++)
			sums.leaks += process->leaks[i];
	}
	assert_ptr_equal(last, process_table_unknown(fixture->table));
	return sums;
}

static void identity_is_pid_and_start(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *first = get(&fixture, 100, 5, "nginx");
	struct process *reused = get(&fixture, 100, 6, "nginx");
	struct process *sibling = get(&fixture, 101, 5, "nginx");

	(void)state;
	assert_ptr_not_equal(first, reused);
	assert_ptr_not_equal(first, sibling);
	assert_ptr_equal(get(&fixture, 100, 5, "nginx"), first);
	assert_ptr_equal(get(&fixture, 100, 6, "nginx"), reused);
	assert_int_equal(first->tgid, 100);
	assert_int_equal(first->start_ns, 5);
	assert_string_equal(first->comm, "nginx");
	assert_int_equal(first->merged, 0);
	assert_int_equal(walk(&fixture).singles, 3);
	fixture_free(&fixture);
}

/* Whatever is remembered of those that were looked up last. */
static void many_are_told_apart_in_any_order(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *known[200];

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		known[i] = get(&fixture, 1000 + i, 5, "worker");
	for (uint32_t step = 1; step < 200; step += 31)
		for (uint32_t i = 0; i < 200; i += step)
			assert_ptr_equal(get(&fixture, 1000 + i, 5, "worker"), known[i]);
	assert_int_equal(walk(&fixture).singles, 200);
	fixture_free(&fixture);
}

static void nobody_is_nobody(void **state)
{
	struct fixture fixture = fixture_new(&everything);

	(void)state;
	assert_null(get(&fixture, 0, 5, "elsewhere"));
	assert_null(get(&fixture, 0, 0, ""));
	assert_int_equal(walk(&fixture).singles, 0);
	assert_string_equal(process_table_unknown(fixture.table)->comm, "(unknown)");
	assert_true(process_table_unknown(fixture.table)->watched);
	assert_int_equal(process_table_unknown(fixture.table)->tgid, 0);
	fixture_free(&fixture);
}

/* The process called execve(), or set its own name. */
static void a_new_name_is_taken_on(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *process = get(&fixture, 100, 5, "sh");

	(void)state;
	get(&fixture, 101, 5, "sh");
	process_record(process, TCP_ESTABLISHED, TCP_FIN_WAIT1, 1000);
	assert_ptr_equal(get(&fixture, 100, 5, "curl"), process);
	assert_string_equal(process->comm, "curl");
	assert_int_equal(process->lifetimes[TCP_ESTABLISHED]->count, 1);
	assert_ptr_equal(get(&fixture, 100, 5, ""), process);
	assert_string_equal(process->comm, "");
	/* All 16 bytes of the record are used if the kernel fills them. */
	get(&fixture, 100, 5, "0123456789abcdef");
	assert_string_equal(process->comm, "0123456789abcdef");
	get(&fixture, 100, 5, "0123456789abcdeX");
	assert_string_equal(process->comm, "0123456789abcdeX");
	fixture_free(&fixture);
}

static void names_decide_anew_with_each_name(void **state)
{
	static char comms[][16] = {"curl"};
	static const struct options options = {.comms = comms, .comm_count = 1};
	struct fixture fixture = fixture_new(&options);
	struct process *process = get(&fixture, 100, 5, "sh");

	(void)state;
	assert_false(process->watched);
	get(&fixture, 100, 5, "curl");
	assert_true(process->watched);
	get(&fixture, 100, 5, "sh");
	assert_false(process->watched);
	assert_false(process_table_unknown(fixture.table)->watched);
	fixture_free(&fixture);
}

static void pids_decide_once(void **state)
{
	static uint32_t pids[] = {100};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct fixture fixture = fixture_new(&options);
	struct process *process = get(&fixture, 100, 5, "sh");

	(void)state;
	assert_true(process->watched);
	assert_false(get(&fixture, 101, 5, "sh")->watched);
	assert_false(get(&fixture, 100, 6, "sh")->watched); /* the pid is used again */
	filter_exited(fixture.watched, 100);
	assert_true(get(&fixture, 100, 5, "sh")->watched);
	get(&fixture, 100, 5, "curl"); /* a record that came late */
	assert_true(process->watched);
	fixture_free(&fixture);
}

static void samples_of_the_unwatched_are_dropped(void **state)
{
	static uint32_t pids[] = {100};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct fixture fixture = fixture_new(&options);
	struct process *other = get(&fixture, 101, 5, "sh");

	(void)state;
	process_record(other, TCP_ESTABLISHED, TCP_FIN_WAIT1, 1000);
	process_record(process_table_unknown(fixture.table), TCP_ESTABLISHED, TCP_FIN_WAIT1, 1000);
	assert_null(other->transitions);
	assert_null(other->lifetimes[TCP_ESTABLISHED]);
	assert_int_equal(walk(&fixture).count, 0);
	fixture_free(&fixture);
}

static void samples_are_recorded_by_state_and_transition(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *process = get(&fixture, 100, 5, "sh");

	(void)state;
	for (unsigned int from = 1; from < TCP_STATES; from++)
		for (unsigned int to = 1; to < TCP_STATES; to++)
			for (unsigned int i = 0; i < from + to; i++)
				process_record(process, from, to, from * 1000 + to);
	for (unsigned int from = 1; from < TCP_STATES; from++) {
		uint64_t count = 0, sum_ns = 0;

		for (unsigned int to = 1; to < TCP_STATES; to++) {
			assert_int_equal(transitions(process, from, to), from + to);
			count += from + to;
			sum_ns += (from + to) * (from * 1000 + to);
		}
		assert_int_equal(process->lifetimes[from]->count, count);
		assert_int_equal(process->lifetimes[from]->sum_ns, sum_ns);
	}
	fixture_free(&fixture);
}

static void unknown_durations_only_count_the_transition(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *process = get(&fixture, 100, 5, "sh");

	(void)state;
	process_record(process, TCP_ESTABLISHED, TCP_FIN_WAIT1, DURATION_UNKNOWN);
	assert_int_equal(transitions(process, TCP_ESTABLISHED, TCP_FIN_WAIT1), 1);
	assert_null(process->lifetimes[TCP_ESTABLISHED]);
	process_record(process, TCP_ESTABLISHED, TCP_FIN_WAIT1, 0);
	assert_int_equal(process->lifetimes[TCP_ESTABLISHED]->count, 1);
	assert_int_equal(process->lifetimes[TCP_ESTABLISHED]->max_ns, 0);
	fixture_free(&fixture);
}

/* A shell loop around curl for days: 100,000 short processes with 1000 names. */
static void a_hundred_thousand_dead_fit_in_little(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	uint64_t sum_ns = 0, leaks = 0;
	struct process *process = NULL;
	size_t most = 0, others = 0;
	struct sums sums;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		char comm[16];
		uint64_t ns = random_below(NS_PER_S);

		snprintf(comm, sizeof(comm), "job%u", i % 1000);
		process = get(&fixture, 1 + i % 32768, i, comm);
		process_record(process, TCP_ESTABLISHED, TCP_FIN_WAIT1, ns);
		process_record(process, TCP_SYN_SENT, TCP_ESTABLISHED, DURATION_UNKNOWN);
		process->leaks[i % LEAK_KINDS] += i % 3;
		sum_ns += ns;
		leaks += i % 3;
		process_table_fold(fixture.table, 0, nobody_lives, NULL);
		if (i % 1000 == 999) {
			sums = walk(&fixture);
			most = sums.entries > most ? sums.entries : most;
			assert_int_equal(sums.count, i + 1);
		}
	}
	process = NULL;
	sums = walk(&fixture);
	assert_int_equal(sums.transitions[TCP_ESTABLISHED][TCP_FIN_WAIT1], 100000);
	assert_int_equal(sums.transitions[TCP_SYN_SENT][TCP_ESTABLISHED], 100000);
	assert_int_equal(sums.count, 100000);
	assert_int_equal(sums.sum_ns, sum_ns);
	assert_int_equal(sums.leaks, leaks);
	assert_int_equal(sums.merged + sums.singles, 100000);
	assert_true(most <= 2 * PROCESS_TABLE_LIMIT);
	/* The entry for names beyond the limit has a name too, and is shown. */
	while ((process = process_table_next(fixture.table, process))) {
		assert_true(process->watched);
		others += !strcmp(process->comm, "(other)");
	}
	assert_int_equal(others, 1);
	fixture_free(&fixture);
}

static void few_processes_are_left_alone(void **state)
{
	struct fixture fixture = fixture_new(&everything);

	(void)state;
	for (uint32_t i = 1; i < PROCESS_TABLE_LIMIT; i++)
		get(&fixture, i, i, "sh");
	process_table_fold(fixture.table, 0, nobody_lives, NULL);
	assert_int_equal(walk(&fixture).singles, PROCESS_TABLE_LIMIT - 1);
	assert_int_equal(walk(&fixture).merged, 0);
	fixture_free(&fixture);
}

static void the_living_and_holders_of_sockets_stay(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *holder = get(&fixture, 101, 5, "holder");
	struct sums sums;

	(void)state;
	holder->sockets = 1;
	for (uint32_t i = 0; i < 4 * PROCESS_TABLE_LIMIT; i++)
		process_record(get(&fixture, 1000 + i, 7, "sh"), TCP_SYN_SENT, TCP_ESTABLISHED, 1);
	process_table_fold(fixture.table, 0, even_pids_live, NULL);
	sums = walk(&fixture);
	assert_int_equal(sums.singles, 2 * PROCESS_TABLE_LIMIT + 1);
	assert_int_equal(sums.merged, 2 * PROCESS_TABLE_LIMIT);
	assert_int_equal(sums.count, 4 * PROCESS_TABLE_LIMIT);
	assert_ptr_equal(get(&fixture, 101, 5, "holder"), holder);
	assert_int_equal(get(&fixture, 1000, 7, "sh")->lifetimes[TCP_SYN_SENT]->count, 1);
	/* A process that was folded and has another record starts again from 0. */
	assert_null(get(&fixture, 1001, 7, "sh")->lifetimes[TCP_SYN_SENT]);
	fixture_free(&fixture);
}

static void the_dead_are_folded_by_name(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *process = NULL;
	int seen = 0;

	(void)state;
	for (uint32_t i = 1; i <= PROCESS_TABLE_LIMIT; i++) {
		const char *comm = i % 4 ? "curl" : "wget";

		process_record(get(&fixture, i, i, comm), TCP_SYN_SENT, TCP_ESTABLISHED,
			       i % 4 ? 2000 : 3000);
	}
	process_table_fold(fixture.table, 0, nobody_lives, NULL);
	while ((process = process_table_next(fixture.table, process))) {
		bool curl = !strcmp(process->comm, "curl");
		const struct histogram *lifetimes = process->lifetimes[TCP_SYN_SENT];

		if (!process->merged)
			continue;
		seen++;
		assert_int_equal(process->tgid, 0);
		assert_true(process->watched);
		assert_true(curl || !strcmp(process->comm, "wget"));
		assert_int_equal(process->merged, PROCESS_TABLE_LIMIT / 4 * (curl ? 3 : 1));
		assert_int_equal(lifetimes->count, process->merged);
		assert_int_equal(lifetimes->min_ns, curl ? 2000 : 3000);
		assert_int_equal(lifetimes->max_ns, curl ? 2000 : 3000);
	}
	assert_int_equal(seen, 2);
	fixture_free(&fixture);
}

static void the_unwatched_dead_leave_nothing(void **state)
{
	static uint32_t pids[] = {100};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct fixture fixture = fixture_new(&options);

	(void)state;
	for (uint32_t i = 1; i <= 2 * PROCESS_TABLE_LIMIT; i++)
		process_record(get(&fixture, i, i, "sh"), TCP_SYN_SENT, TCP_ESTABLISHED, 1);
	process_table_fold(fixture.table, 0, nobody_lives, NULL);
	assert_int_equal(walk(&fixture).singles, 0);
	assert_int_equal(walk(&fixture).merged, 1);
	assert_int_equal(walk(&fixture).count, 1);
	fixture_free(&fixture);
}

static void free_takes_null(void **state)
{
	(void)state;
	process_table_free(NULL);
}

/* Kept for watched processes, and folded like everything else of exited ones. */
static void accept_waits_are_kept_and_folded(void **state)
{
	struct fixture fixture = fixture_new(&everything);
	struct process *process = NULL;
	uint64_t count = 0, sum_ns = 0;

	(void)state;
	for (uint32_t i = 1; i <= PROCESS_TABLE_LIMIT; i++)
		if (i % 2) /* not every process has some */
			process_record_accept(get(&fixture, i, i, i % 3 ? "sh" : "nginx"), i);
		else
			get(&fixture, i, i, i % 3 ? "sh" : "nginx");
	process = get(&fixture, 1, 1, "sh");
	assert_int_equal(process->accept_wait->count, 1);
	process_record_accept(process, 0); /* at once */
	assert_int_equal(process->accept_wait->count, 2);
	assert_null(process->transitions);
	for (int i = 0; i < TCP_STATES; i++)
		assert_null(process->lifetimes[i]);
	process_table_fold(fixture.table, 0, nobody_lives, NULL);
	process = NULL;
	while ((process = process_table_next(fixture.table, process))) {
		if (!process->accept_wait)
			continue;
		assert_true(process->merged > 0);
		count += process->accept_wait->count;
		sum_ns += process->accept_wait->sum_ns;
	}
	assert_int_equal(count, PROCESS_TABLE_LIMIT / 2 + 1);
	assert_int_equal(sum_ns, PROCESS_TABLE_LIMIT / 2 * (PROCESS_TABLE_LIMIT / 2));
	fixture_free(&fixture);
}

/* Both ends of a few connections of different lengths, with an entry for each state. */
static void a_live_process_with_few_samples_is_small(void **state)
{
	static const unsigned char life[] = {TCP_CLOSE,	    TCP_SYN_SENT,    TCP_ESTABLISHED,
					     TCP_FIN_WAIT1, TCP_FIN_WAIT2,   TCP_CLOSE,
					     TCP_SYN_RECV,  TCP_ESTABLISHED, TCP_CLOSE_WAIT,
					     TCP_LAST_ACK,  TCP_CLOSE};
	struct fixture fixture = fixture_new(&everything);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, after;

	(void)state;
	for (uint32_t i = 1; i <= 4000; i++) {
		struct process *process = get(&fixture, i, i, "worker");

		for (unsigned int j = 0; j < 5; j++) {
			for (size_t k = 1; k < ARRAY_SIZE(life); k++)
				process_record(process, life[k - 1], life[k], 3000U << j * 4);
			process_record_accept(process, 3000U << j);
		}
	}
	after = mallinfo2().uordblks + mallinfo2().hblkhd;
	/* The sanitizers' allocator does not say what it uses. */
	if (after != before)
		assert_in_range((after - before) / 4000, 1, 2400);
	assert_int_equal(walk(&fixture).count, 4000 * 5 * (ARRAY_SIZE(life) - 1));
	fixture_free(&fixture);
}

static void accept_waits_of_others_are_not_kept(void **state)
{
	static uint32_t pids[] = {1};
	static const struct options options = {.pids = pids, .pid_count = 1};
	struct fixture fixture = fixture_new(&options);

	(void)state;
	process_record_accept(get(&fixture, 1, 5, "a"), 7);
	process_record_accept(get(&fixture, 2, 5, "a"), 7);
	assert_non_null(get(&fixture, 1, 5, "a")->accept_wait);
	assert_null(get(&fixture, 2, 5, "a")->accept_wait);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_is_pid_and_start),
		cmocka_unit_test(many_are_told_apart_in_any_order),
		cmocka_unit_test(nobody_is_nobody),
		cmocka_unit_test(a_new_name_is_taken_on),
		cmocka_unit_test(names_decide_anew_with_each_name),
		cmocka_unit_test(pids_decide_once),
		cmocka_unit_test(samples_of_the_unwatched_are_dropped),
		cmocka_unit_test(samples_are_recorded_by_state_and_transition),
		cmocka_unit_test(unknown_durations_only_count_the_transition),
		cmocka_unit_test(a_hundred_thousand_dead_fit_in_little),
		cmocka_unit_test(few_processes_are_left_alone),
		cmocka_unit_test(the_living_and_holders_of_sockets_stay),
		cmocka_unit_test(the_dead_are_folded_by_name),
		cmocka_unit_test(the_unwatched_dead_leave_nothing),
		cmocka_unit_test(free_takes_null),
		cmocka_unit_test(accept_waits_are_kept_and_folded),
		cmocka_unit_test(a_live_process_with_few_samples_is_small),
		cmocka_unit_test(accept_waits_of_others_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
