// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <time.h>

#include "model/options.h"
#include "track/filter.h"

static uint32_t pids[] = {100, 200};
static char comms[][16] = {"nginx", "fifteen-letters"};
static uint16_t local_ports[] = {80, 443};
static uint16_t remote_ports[] = {5432};

static const struct options by_pid = {.pids = pids, .pid_count = 2};
static const struct options by_comm = {.comms = comms, .comm_count = 2};
static const struct options following = {.pids = pids, .pid_count = 2, .follow_forks = true};

static bool hides_flow(struct filter *filter, const char *address, uint16_t local, uint16_t remote)
{
	struct event_flow wire = make_flow(address, local, address, remote);
	struct flow flow;

	flow_read(&flow, &wire, NETNS);
	return filter_hides_flow(filter, &flow);
}

static bool has_flow(struct filter *filter, const char *address, uint16_t local, uint16_t remote)
{
	struct event_flow wire = make_flow(address, local, address, remote);
	struct flow flow;

	flow_read(&flow, &wire, NETNS);
	return filter_has_flow(filter, &flow);
}

static void without_conditions_everything_is_watched(void **state)
{
	static const struct options none;
	struct filter *filter = filter_new(&none);

	(void)state;
	assert_false(filter_is_selective(filter));
	assert_true(filter_has_process(filter, 1, 5, "systemd"));
	assert_true(filter_has_process(filter, 1, 6, ""));
	assert_true(has_flow(filter, "10.0.0.1", 1, 2));
	assert_true(has_flow(filter, "2001:db8::1", 1, 2));
	filter_free(filter);
}

static void pids_are_any_of(void **state)
{
	struct filter *filter = filter_new(&by_pid);

	(void)state;
	assert_true(filter_is_selective(filter));
	assert_false(filter_has_names(filter));
	assert_true(filter_has_process(filter, 100, 5, "a"));
	assert_true(filter_has_process(filter, 200, 6, "b"));
	assert_false(filter_has_process(filter, 300, 7, "a"));
	assert_false(filter_has_process(filter, 0, 5, "a"));
	filter_free(filter);
}

static void a_pid_is_bound_to_the_first_process(void **state)
{
	struct filter *filter = filter_new(&by_pid);

	(void)state;
	assert_true(filter_has_process(filter, 100, 5, "a"));
	assert_true(filter_has_process(filter, 100, 5, "renamed"));
	assert_false(filter_has_process(filter, 100, 6, "a")); /* the pid is used again */
	assert_true(filter_has_process(filter, 100, 5, "a"));
	filter_exited(filter, 100);
	/* It has exited, and is the same process. */
	assert_true(filter_has_process(filter, 100, 5, "a"));
	assert_false(filter_has_process(filter, 100, 6, "a"));
	filter_free(filter);
}

/* The process exited before its first record: a later record is of another process. */
static void a_pid_never_seen_means_nothing_after_its_end(void **state)
{
	struct filter *filter = filter_new(&by_pid);

	(void)state;
	filter_exited(filter, 100);
	assert_false(filter_has_process(filter, 100, 5, "a"));
	assert_true(filter_has_process(filter, 200, 5, "a"));
	filter_exited(filter, 300); /* it is not watched */
	assert_true(filter_has_process(filter, 200, 5, "a"));
	filter_free(filter);
}

static void names_are_exact(void **state)
{
	struct filter *filter = filter_new(&by_comm);

	(void)state;
	assert_true(filter_is_selective(filter));
	assert_true(filter_has_names(filter));
	assert_true(filter_has_process(filter, 1, 5, "nginx"));
	assert_true(filter_has_process(filter, 2, 6, "nginx"));
	assert_true(filter_has_process(filter, 3, 7, "fifteen-letters"));
	assert_false(filter_has_process(filter, 1, 5, "nginx:"));
	assert_false(filter_has_process(filter, 1, 5, "ngin"));
	assert_false(filter_has_process(filter, 1, 5, "NGINX"));
	assert_false(filter_has_process(filter, 1, 5, ""));
	filter_free(filter);
}

static void kinds_of_conditions_are_all_of(void **state)
{
	static const struct options both = {
		.pids = pids, .pid_count = 2, .comms = comms, .comm_count = 2};
	struct filter *filter = filter_new(&both);

	(void)state;
	assert_true(filter_has_process(filter, 100, 5, "nginx"));
	assert_true(filter_has_process(filter, 200, 6, "fifteen-letters"));
	assert_false(filter_has_process(filter, 300, 7, "nginx"));
	assert_false(filter_has_process(filter, 100, 5, "bash"));
	/* The process called execve(). */
	assert_true(filter_has_process(filter, 100, 5, "nginx"));
	filter_free(filter);
}

static void children_are_watched_when_followed(void **state)
{
	struct filter *filter = filter_new(&following);

	(void)state;
	assert_true(filter_has_process(filter, 100, 5, "sh"));
	assert_false(filter_has_process(filter, 101, 6, "sh"));
	assert_true(filter_add_child(filter, 100, 5, 101, 7));
	assert_true(filter_has_process(filter, 101, 7, "sh"));
	assert_false(filter_has_process(filter, 101, 6, "sh")); /* an older process */
	assert_true(filter_add_child(filter, 101, 7, 102, 8));
	assert_true(filter_has_process(filter, 102, 8, "sh"));
	/* Children of processes that are not watched, one of which has the pid of a watched one. */
	assert_false(filter_add_child(filter, 300, 9, 301, 10));
	assert_false(filter_has_process(filter, 301, 10, "sh"));
	assert_false(filter_add_child(filter, 101, 6, 302, 11));
	assert_false(filter_has_process(filter, 302, 11, "sh"));
	filter_free(filter);
}

/* The record of a fork may be the first one of the parent. */
static void a_birth_binds_the_parent(void **state)
{
	struct filter *filter = filter_new(&following);

	(void)state;
	assert_true(filter_add_child(filter, 100, 5, 101, 7));
	assert_true(filter_has_process(filter, 100, 5, "sh"));
	assert_false(filter_has_process(filter, 100, 6, "sh"));
	filter_free(filter);
}

static void a_child_is_new_only_once(void **state)
{
	struct filter *filter = filter_new(&following);

	(void)state;
	assert_true(filter_add_child(filter, 100, 5, 101, 7));
	assert_false(filter_add_child(filter, 100, 5, 101, 7));
	assert_true(filter_add_child(filter, 100, 5, 101, 9)); /* the same pid, later */
	filter_free(filter);
}

/* There may be any number of children, and their pids are used again. */
static void ended_children_are_forgotten(void **state)
{
	struct filter *filter = filter_new(&following);

	(void)state;
	assert_true(filter_add_child(filter, 100, 5, 101, 7));
	filter_exited(filter, 101);
	assert_false(filter_has_process(filter, 101, 8, "sh"));
	assert_true(filter_has_process(filter, 100, 5, "sh"));
	filter_free(filter);
}

/* The child has exited before the record of its fork; the fork of its own child comes later. */
static void children_of_the_dead_are_watched(void **state)
{
	struct filter *filter = filter_new(&following);

	(void)state;
	assert_true(filter_has_process(filter, 100, 5, "sh"));
	assert_true(filter_add_child(filter, 100, 5, 101, 7));
	filter_exited(filter, 101);
	assert_true(filter_add_child(filter, 101, 7, 102, 8));
	assert_true(filter_has_process(filter, 101, 7, "sh"));
	assert_false(filter_add_child(filter, 101, 9, 103, 10)); /* the pid is used again */
	/* A watched process uses the pid again: it must stay when the exited ones are too many. */
	assert_true(filter_add_child(filter, 100, 5, 101, 20));
	for (uint32_t i = 0; i < 10000; i++) {
		assert_true(filter_add_child(filter, 100, 5, 1000 + i, 30 + i));
		filter_exited(filter, 1000 + i);
	}
	assert_true(filter_has_process(filter, 101, 20, "sh"));
	assert_false(filter_has_process(filter, 1000, 30, "sh"));
	assert_true(filter_has_process(filter, 10999, 10029, "sh"));
	filter_free(filter);
}

static void children_are_not_watched_unasked(void **state)
{
	struct filter *filter = filter_new(&by_pid);

	(void)state;
	assert_true(filter_has_process(filter, 100, 5, "sh"));
	assert_false(filter_add_child(filter, 100, 5, 101, 7));
	assert_false(filter_has_process(filter, 101, 7, "sh"));
	filter_free(filter);
}

/* `make -j` has a hundred thousand children: each must cost about the same. */
static void many_children_stay_cheap(void **state)
{
	struct filter *filter = filter_new(&following);
	clock_t began = clock();

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		assert_true(filter_add_child(filter, 100, 5, 1000 + i % 30000, 1000 + i));
		assert_true(filter_has_process(filter, 1000 + i % 30000, 1000 + i, "cc"));
		filter_exited(filter, 1000 + i % 30000);
		if (clock() - began > 5 * CLOCKS_PER_SEC)
			fail_msg("only %u of 100000 in 5 s", i);
	}
	filter_free(filter);
}

static void families(void **state)
{
	static const struct options only4 = {.only_ipv4 = true}, only6 = {.only_ipv6 = true};
	struct filter *filter4 = filter_new(&only4), *filter6 = filter_new(&only6);

	(void)state;
	assert_true(has_flow(filter4, "10.0.0.1", 1, 2));
	assert_true(has_flow(filter4, "::ffff:10.0.0.1", 1, 2));
	assert_false(has_flow(filter4, "2001:db8::1", 1, 2));
	assert_false(has_flow(filter6, "10.0.0.1", 1, 2));
	assert_false(has_flow(filter6, "::ffff:10.0.0.1", 1, 2));
	assert_true(has_flow(filter6, "2001:db8::1", 1, 2));
	/* Sockets are selected, not processes. */
	assert_false(filter_has_names(filter4));
	assert_false(filter_is_selective(filter4));
	assert_true(filter_has_process(filter4, 1, 5, "systemd"));
	filter_free(filter4);
	filter_free(filter6);
}

static void ports_are_any_of_a_side_and_all_of_both(void **state)
{
	static const struct options local = {.local_ports = local_ports, .local_port_count = 2};
	static const struct options both = {.local_ports = local_ports,
					    .local_port_count = 2,
					    .remote_ports = remote_ports,
					    .remote_port_count = 1,
					    .only_ipv4 = true};
	struct filter *filter = filter_new(&local);

	(void)state;
	assert_true(has_flow(filter, "10.0.0.1", 80, 9));
	assert_true(has_flow(filter, "2001:db8::1", 443, 9));
	assert_false(has_flow(filter, "10.0.0.1", 81, 9));
	assert_false(has_flow(filter, "10.0.0.1", 9, 80));
	filter_free(filter);
	filter = filter_new(&both);
	assert_true(has_flow(filter, "10.0.0.1", 443, 5432));
	assert_false(has_flow(filter, "10.0.0.1", 443, 5433));
	assert_false(has_flow(filter, "10.0.0.1", 444, 5432));
	assert_false(has_flow(filter, "10.0.0.1", 5432, 443));
	assert_false(has_flow(filter, "2001:db8::1", 443, 5432));
	filter_free(filter);
}

/* A client before its port is chosen, a listener without a peer. */
static void ports_not_chosen_yet_pass(void **state)
{
	static const struct options both = {.local_ports = local_ports,
					    .local_port_count = 2,
					    .remote_ports = remote_ports,
					    .remote_port_count = 1};
	struct filter *filter = filter_new(&both);

	(void)state;
	assert_true(has_flow(filter, "10.0.0.1", 0, 5432));
	assert_true(has_flow(filter, "10.0.0.1", 80, 0));
	assert_false(has_flow(filter, "10.0.0.1", 0, 80));
	assert_false(has_flow(filter, "10.0.0.1", 81, 0));
	filter_free(filter);
}

/* Sockets that match only because other sockets need them. */
static void what_passes_for_now_is_hidden(void **state)
{
	static const struct options none,
		local = {.local_ports = local_ports, .local_port_count = 2};
	static const struct options remote = {.remote_ports = remote_ports, .remote_port_count = 1};
	static const struct options only4 = {.only_ipv4 = true};
	struct filter *filter = filter_new(&none);

	(void)state;
	assert_false(hides_flow(filter, "10.0.0.1", 0, 0));
	assert_false(hides_flow(filter, "::", 0, 5));
	filter_free(filter);
	filter = filter_new(&local);
	assert_true(hides_flow(filter, "10.0.0.1", 0, 9));
	assert_false(hides_flow(filter, "10.0.0.1", 80, 9));
	assert_false(hides_flow(filter, "10.0.0.1", 80, 0));
	filter_free(filter);
	filter = filter_new(&remote);
	assert_true(hides_flow(filter, "10.0.0.1", 80, 0));
	assert_false(hides_flow(filter, "10.0.0.1", 0, 5432));
	filter_free(filter);
	filter = filter_new(&only4);
	assert_true(has_flow(filter, "::", 80, 0)); /* it also accepts IPv4 */
	assert_true(hides_flow(filter, "::", 80, 0));
	assert_false(hides_flow(filter, "0.0.0.0", 80, 0));
	assert_false(has_flow(filter, "2001:db8::1", 80, 9));
	filter_free(filter);
}

static void free_takes_null(void **state)
{
	(void)state;
	filter_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_conditions_everything_is_watched),
		cmocka_unit_test(pids_are_any_of),
		cmocka_unit_test(a_pid_is_bound_to_the_first_process),
		cmocka_unit_test(a_pid_never_seen_means_nothing_after_its_end),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(kinds_of_conditions_are_all_of),
		cmocka_unit_test(children_are_watched_when_followed),
		cmocka_unit_test(a_birth_binds_the_parent),
		cmocka_unit_test(a_child_is_new_only_once),
		cmocka_unit_test(ended_children_are_forgotten),
		cmocka_unit_test(children_are_not_watched_unasked),
		cmocka_unit_test(children_of_the_dead_are_watched),
		cmocka_unit_test(many_children_stay_cheap),
		cmocka_unit_test(families),
		cmocka_unit_test(ports_are_any_of_a_side_and_all_of_both),
		cmocka_unit_test(ports_not_chosen_yet_pass),
		cmocka_unit_test(what_passes_for_now_is_hidden),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
