// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "metric/group.h"

#define LIMIT 10

struct fixture {
	struct metric_groups *groups;
	uint64_t now_ns;
};

static struct fixture make_groups(struct metric_labels labels, size_t limit)
{
	struct fixture fixture = {.groups = metric_groups_new(&labels, limit), .now_ns = START_NS};

	assert_non_null(fixture.groups);
	metric_groups_set_time(fixture.groups, fixture.now_ns);
	return fixture;
}

static void pass(struct fixture *fixture, uint64_t ns)
{
	fixture->now_ns += ns;
	metric_groups_set_time(fixture->groups, fixture->now_ns);
}

static struct metric_key make_key(const char *comm)
{
	struct metric_key key = {0};

	assert_true(strlen(comm) <= sizeof(key.comm));
	memcpy(key.comm, comm, strlen(comm));
	return key;
}

static struct metric_group *get(struct fixture *fixture, const char *comm)
{
	struct metric_key key = make_key(comm);
	struct metric_group *group = metric_groups_get(fixture->groups, &key);

	assert_non_null(group);
	return group;
}

/* Counts one of everything that only grows. */
static void count(struct metric_group *group)
{
	group->exported = false;
	group->transitions[TCP_ESTABLISHED][TCP_CLOSE_WAIT]++;
	metric_histogram_record(&group->lifetimes[TCP_ESTABLISHED], 5 * NS_PER_MS);
	metric_histogram_record(&group->accept_wait, 7 * NS_PER_US);
	group->leaks[LEAK_STALLED]++;
}

static struct metric_group *other_of(struct fixture *fixture)
{
	struct metric_group *group = metric_groups_next(fixture->groups, NULL), *next;

	while ((next = metric_groups_next(fixture->groups, group)))
		group = next;
	assert_true(group->other);
	return group;
}

/* The sum over all groups, which must be the same for each counter. */
static uint64_t sum(struct fixture *fixture)
{
	uint64_t transitions = 0, lifetimes = 0, waits = 0, leaks = 0, ns = 0;
	struct metric_group *group = NULL;

	while ((group = metric_groups_next(fixture->groups, group))) {
		transitions += group->transitions[TCP_ESTABLISHED][TCP_CLOSE_WAIT];
		lifetimes += group->lifetimes[TCP_ESTABLISHED].buckets[3];
		waits += group->accept_wait.buckets[0];
		leaks += group->leaks[LEAK_STALLED];
		ns += group->lifetimes[TCP_ESTABLISHED].sum_ns + group->accept_wait.sum_ns;
	}
	assert_true(lifetimes == transitions && waits == transitions && leaks == transitions);
	assert_true(ns == transitions * (5 * NS_PER_MS + 7 * NS_PER_US));
	return transitions;
}

static size_t bucket_of(uint64_t ns)
{
	struct metric_histogram histogram = {0};
	size_t bucket = METRIC_BOUNDS + 1, filled = 0;

	metric_histogram_record(&histogram, ns);
	assert_true(histogram.sum_ns == ns);
	for (size_t i = 0; i <= METRIC_BOUNDS; i++) {
		if (histogram.buckets[i])
			bucket = i;
		filled += histogram.buckets[i];
	}
	assert_int_equal(filled, 1);
	return bucket;
}

static void every_bound_is_inclusive(void **state)
{
	(void)state;
	assert_int_equal(bucket_of(0), 0);
	for (size_t i = 0; i < METRIC_BOUNDS; i++) {
		assert_int_equal(bucket_of(metric_bounds_ns[i] - 1), i);
		assert_int_equal(bucket_of(metric_bounds_ns[i]), i);
		assert_int_equal(bucket_of(metric_bounds_ns[i] + 1), i + 1);
	}
	assert_int_equal(bucket_of(UINT64_MAX), METRIC_BOUNDS);
}

/* The bounds are part of the output format. */
static void bounds_stay(void **state)
{
	static const double seconds[METRIC_BOUNDS] = {
		10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1, 10, 60, 127, 300, 925, 7200, 86400, 604800};

	(void)state;
	for (size_t i = 0; i < METRIC_BOUNDS; i++)
		assert_true(metric_bounds_ns[i] == (uint64_t)(seconds[i] * 1e9 + 0.5));
}

static void a_sum_saturates(void **state)
{
	struct metric_histogram histogram = {0};

	(void)state;
	metric_histogram_record(&histogram, UINT64_MAX - 1);
	metric_histogram_record(&histogram, 2);
	assert_true(histogram.sum_ns == UINT64_MAX);
	metric_histogram_record(&histogram, 3);
	assert_true(histogram.sum_ns == UINT64_MAX);
}

static void what_is_not_asked_for_does_not_split(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);
	struct metric_key a = make_key("nginx"), b = a;

	(void)state;
	b.pid = 2;
	b.cgroup = 4;
	b.netns = 5;
	/* Bytes after the end of the name do not count. */
	b.comm[7] = 'x';
	assert_ptr_equal(metric_groups_get(fixture.groups, &a),
			 metric_groups_get(fixture.groups, &b));
	assert_int_equal(metric_groups_count(fixture.groups), 1);
	get(&fixture, "nginx2");
	assert_int_equal(metric_groups_count(fixture.groups), 2);
	metric_groups_free(fixture.groups);
}

static void check_splits(struct metric_labels labels, const struct metric_key *key)
{
	struct fixture fixture = make_groups(labels, LIMIT);
	struct metric_key plain = make_key("nginx");
	struct metric_group *a = metric_groups_get(fixture.groups, &plain);

	assert_ptr_not_equal(metric_groups_get(fixture.groups, key), a);
	assert_ptr_equal(metric_groups_get(fixture.groups, &plain), a);
	assert_int_equal(metric_groups_count(fixture.groups), 2);
	metric_groups_free(fixture.groups);
}

static void each_label_splits(void **state)
{
	struct metric_key pid = make_key("nginx"), netns = pid;

	(void)state;
	pid.pid = 17;
	netns.netns = NETNS;
	check_splits((struct metric_labels){.pid = true}, &pid);
	check_splits((struct metric_labels){.netns = true}, &netns);
}

static struct metric_group *get_in(struct fixture *fixture, const char *comm, uint32_t cgroup)
{
	struct metric_key key = make_key(comm);

	key.cgroup = cgroup;
	return metric_groups_get(fixture->groups, &key);
}

/* A service that is restarted has a new cgroup with the same path: the same series. */
static void cgroups_split_by_path(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){.cgroup = true}, LIMIT);
	uint32_t a = metric_groups_hold(fixture.groups, "/a.service");
	uint32_t b = metric_groups_hold(fixture.groups, "/b.service"), again;
	struct metric_group *group = get_in(&fixture, "nginx", a);

	(void)state;
	assert_ptr_not_equal(get_in(&fixture, "nginx", b), group);
	assert_ptr_not_equal(get_in(&fixture, "nginx", 0), group);
	assert_int_equal(metric_groups_count(fixture.groups), 3);
	/* Its last process has exited; the group and its path stay. */
	metric_groups_release(fixture.groups, a);
	assert_string_equal(metric_groups_path(fixture.groups, group), "/a.service");
	again = metric_groups_hold(fixture.groups, "/a.service");
	assert_ptr_equal(get_in(&fixture, "nginx", again), group);
	assert_int_equal(metric_groups_count(fixture.groups), 3);
	assert_string_equal(metric_groups_path(fixture.groups, get_in(&fixture, "nginx", b)),
			    "/b.service");
	assert_string_equal(metric_groups_path(fixture.groups, other_of(&fixture)), "");
	metric_groups_free(fixture.groups);
}

/* Each group in a cgroup of its own: an evicted group releases its path. */
static void many_cgroups_do_not_add_up(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){.cgroup = true}, LIMIT);

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		char path[32];
		uint32_t cgroup;

		snprintf(path, sizeof(path), "/job-%d.scope", i);
		cgroup = metric_groups_hold(fixture.groups, path);
		assert_in_range(cgroup, 1, 16);
		count(get_in(&fixture, "job", cgroup));
		metric_groups_release(fixture.groups, cgroup);
		assert_true(metric_groups_count(fixture.groups) <= LIMIT);
		assert_int_equal(sum(&fixture), i);
	}
	metric_groups_free(fixture.groups);
}

static void without_that_label_there_are_no_cgroups(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){.pid = true}, LIMIT);

	(void)state;
	assert_int_equal(metric_groups_hold(fixture.groups, "/a.service"), 0);
	assert_int_equal(metric_groups_cgroup(fixture.groups, 1), 0);
	metric_groups_release(fixture.groups, 0);
	assert_string_equal(metric_groups_path(fixture.groups, get(&fixture, "a")), "");
	metric_groups_free(fixture.groups);
}

static void a_finding_holds_its_group(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 1);

	(void)state;
	metric_groups_begin(fixture.groups);
	get(&fixture, "ill")->findings[FINDING_RESET_STORM] = 1;
	assert_ptr_equal(get(&fixture, "new"), other_of(&fixture));
	metric_groups_begin(fixture.groups);
	assert_int_equal(get(&fixture, "ill")->findings[FINDING_RESET_STORM], 0);
	metric_groups_exported(fixture.groups);
	assert_ptr_not_equal(get(&fixture, "new"), other_of(&fixture));
	metric_groups_free(fixture.groups);
}

/* Two groups with the same labels would be one series twice. */
static void a_command_named_other_counts_in_other(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);

	(void)state;
	assert_ptr_equal(get(&fixture, "other"), other_of(&fixture));
	assert_int_equal(metric_groups_count(fixture.groups), 0);
	metric_groups_free(fixture.groups);
}

static void names_that_a_label_shows_alike_are_one_group(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);

	(void)state;
	assert_ptr_equal(get(&fixture, "a\xfe"), get(&fixture, "a\x80"));
	/* Cut off after the kernel's 15 bytes. */
	assert_ptr_equal(get(&fixture, "12345678901234\xc3"), get(&fixture, "12345678901234\xe2"));
	assert_int_equal(metric_groups_count(fixture.groups), 2);
	assert_ptr_not_equal(get(&fixture, "\xc3\xbc"), get(&fixture, "\xc3\xb6"));
	assert_ptr_not_equal(get(&fixture, "\xff"), get(&fixture, "\xff\xff"));
	assert_int_equal(metric_groups_count(fixture.groups), 6);
	metric_groups_free(fixture.groups);
}

static void a_thousand_short_lived_commands_stay_within_the_limit(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);
	uint64_t before = 0, other_before = 0;

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "job-%d", i);
		count(get(&fixture, comm));
		pass(&fixture, NS_PER_MS);
		assert_true(metric_groups_count(fixture.groups) <= LIMIT);
		assert_int_equal(sum(&fixture), before + 1);
		before++;
		assert_true(other_of(&fixture)->leaks[LEAK_STALLED] >= other_before);
		other_before = other_of(&fixture)->leaks[LEAK_STALLED];
		/* A scrape now and then. */
		if (i % 100 == 0) {
			metric_groups_begin(fixture.groups);
			metric_groups_exported(fixture.groups);
		}
	}
	assert_int_equal(other_before, 1000 - LIMIT);
	metric_groups_free(fixture.groups);
}

static void the_quietest_makes_room(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 3);

	(void)state;
	for (int i = 0; i < 3; i++) {
		count(get(&fixture, (const char *const[]){"a", "b", "c"}[i]));
		pass(&fixture, NS_PER_S);
	}
	count(get(&fixture, "a"));
	pass(&fixture, NS_PER_S);
	count(get(&fixture, "d"));
	assert_int_equal(other_of(&fixture)->leaks[LEAK_STALLED], 1);
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 2);
	assert_int_equal(get(&fixture, "c")->leaks[LEAK_STALLED], 1);
	assert_int_equal(metric_groups_count(fixture.groups), 3);
	/* It is created again, and starts at 0. */
	assert_int_equal(get(&fixture, "b")->leaks[LEAK_STALLED], 0);
	assert_int_equal(sum(&fixture), 5);
	metric_groups_free(fixture.groups);
}

static void who_has_sockets_stays_and_the_newcomer_counts_in_other(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 2);

	(void)state;
	get(&fixture, "a")->sockets[TCP_LISTEN] = 1;
	get(&fixture, "b")->sockets[TCP_CLOSE_WAIT] = 1;
	count(get(&fixture, "a"));
	pass(&fixture, NS_PER_S);
	for (int i = 0; i < 3; i++) {
		struct metric_group *group = get(&fixture, "c");

		assert_true(group->other);
		count(group);
	}
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
	assert_int_equal(metric_groups_count(fixture.groups), 2);
	assert_int_equal(sum(&fixture), 4);
	metric_groups_free(fixture.groups);
}

/* While sockets are counted, groups that are not counted yet are not evicted. */
static void nobody_is_put_out_while_sockets_are_counted(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 2);

	(void)state;
	count(get(&fixture, "a"));
	get(&fixture, "a")->sockets[TCP_LISTEN] = 1;
	get(&fixture, "b")->sockets[TCP_LISTEN] = 1;
	pass(&fixture, NS_PER_S);
	metric_groups_begin(fixture.groups);
	assert_true(get(&fixture, "c")->other);
	get(&fixture, "a")->sockets[TCP_LISTEN] = 1;
	metric_groups_exported(fixture.groups);
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
	/* After the count, b has none any more. */
	assert_false(get(&fixture, "c")->other);
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
	metric_groups_free(fixture.groups);
}

/* A group with sockets leaves the list, and returns to its former place. */
static void who_had_sockets_is_put_out_in_turn(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 3);

	(void)state;
	for (int i = 0; i < 3; i++) {
		count(get(&fixture, (const char *const[]){"a", "b", "c"}[i]));
		pass(&fixture, NS_PER_S);
	}
	get(&fixture, "a")->sockets[TCP_LISTEN] = 1;
	get(&fixture, "b")->sockets[TCP_LISTEN] = 1;
	get(&fixture, "c")->sockets[TCP_LISTEN] = 1;
	assert_true(get(&fixture, "d")->other);
	/* a had the last event. */
	pass(&fixture, NS_PER_S);
	get(&fixture, "a");
	metric_groups_begin(fixture.groups);
	assert_true(get(&fixture, "d")->other);
	metric_groups_exported(fixture.groups);
	count(get(&fixture, "d"));
	pass(&fixture, NS_PER_S);
	count(get(&fixture, "e"));
	assert_int_equal(other_of(&fixture)->leaks[LEAK_STALLED], 2);
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
	assert_int_equal(metric_groups_count(fixture.groups), 3);
	assert_int_equal(sum(&fixture), 5);
	metric_groups_free(fixture.groups);
}

/* Against a simple model: in any order of calls the group without events for longest is evicted. */
static void it_is_always_the_quietest_of_those_without_sockets(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);
	struct {
		char comm[16];
		uint64_t at;
		bool sockets;
	} model[LIMIT];
	size_t known = 0;
	uint64_t counted = 0;

	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		size_t quietest = LIMIT, at = 0;
		struct metric_group *group;
		char comm[16];

		snprintf(comm, sizeof(comm), "job-%u", (unsigned int)random_below(2 * LIMIT));
		pass(&fixture, 1);
		group = get(&fixture, comm);
		count(group);
		counted++;
		while (at < known && strcmp(model[at].comm, comm) != 0)
			at++;
		if (at == known && known == LIMIT) {
			for (size_t i = 0; i < LIMIT; i++)
				if (!model[i].sockets &&
				    (quietest == LIMIT || model[i].at < model[quietest].at))
					quietest = i;
			at = quietest;
			assert_int_equal(group->other, at == LIMIT);
		} else if (at == known) {
			known++;
		}
		if (at < LIMIT) {
			assert_memory_equal(group->key.comm, comm, strlen(comm) + 1);
			if (strcmp(model[at].comm, comm) != 0)
				model[at].sockets = false;
			memcpy(model[at].comm, comm, sizeof(comm));
			model[at].at = fixture.now_ns;
		}
		if (random_below(20))
			continue;
		metric_groups_begin(fixture.groups);
		for (size_t i = 0; i < known; i++) {
			model[i].sockets = !random_below(3);
			if (!model[i].sockets)
				continue;
			get(&fixture, model[i].comm)->sockets[TCP_LISTEN]++;
			model[i].at = fixture.now_ns;
			pass(&fixture, 1);
		}
		metric_groups_exported(fixture.groups);
		assert_int_equal(sum(&fixture), counted);
	}
	metric_groups_free(fixture.groups);
}

static void a_limit_of_0_leaves_other(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 0);

	(void)state;
	count(get(&fixture, "a"));
	assert_int_equal(metric_groups_count(fixture.groups), 0);
	assert_int_equal(other_of(&fixture)->leaks[LEAK_STALLED], 1);
	metric_groups_free(fixture.groups);
}

static void gauges_begin_at_0(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, 1);
	struct metric_group *groups[2] = {get(&fixture, "a"), other_of(&fixture)};

	(void)state;
	for (int i = 0; i < 2; i++) {
		count(groups[i]);
		groups[i]->sockets[TCP_CLOSE_WAIT] = 5;
		groups[i]->leaked[LEAK_UNREAD] = 3;
		groups[i]->oldest_ns = START_NS;
	}
	metric_groups_begin(fixture.groups);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(groups[i]->sockets[TCP_CLOSE_WAIT], 0);
		assert_int_equal(groups[i]->leaked[LEAK_UNREAD], 0);
		assert_int_equal(groups[i]->oldest_ns, 0);
		assert_int_equal(groups[i]->leaks[LEAK_STALLED], 1);
	}
	metric_groups_free(fixture.groups);
}

static void the_quiet_leave_and_what_was_seen_is_not_counted_twice(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);

	(void)state;
	count(get(&fixture, "seen"));
	metric_groups_begin(fixture.groups);
	metric_groups_exported(fixture.groups);
	count(get(&fixture, "unseen"));
	pass(&fixture, METRIC_QUIET_NS);
	metric_groups_begin(fixture.groups);
	assert_int_equal(metric_groups_count(fixture.groups), 2);
	pass(&fixture, 1);
	metric_groups_begin(fixture.groups);
	assert_int_equal(metric_groups_count(fixture.groups), 0);
	assert_int_equal(other_of(&fixture)->leaks[LEAK_STALLED], 1);
	assert_int_equal(sum(&fixture), 1);
	metric_groups_free(fixture.groups);
}

static void who_is_asked_for_is_not_quiet(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);

	(void)state;
	count(get(&fixture, "a"));
	for (int i = 0; i < 5; i++) {
		pass(&fixture, METRIC_QUIET_NS);
		get(&fixture, "a");
		metric_groups_begin(fixture.groups);
		metric_groups_exported(fixture.groups);
	}
	assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
	metric_groups_free(fixture.groups);
}

/* However rare scrapes are, a group with sockets keeps its counts. */
static void who_has_sockets_does_not_leave(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);

	(void)state;
	count(get(&fixture, "a"));
	for (int i = 0; i < 3; i++) {
		metric_groups_begin(fixture.groups);
		get(&fixture, "a")->sockets[TCP_LISTEN]++;
		metric_groups_exported(fixture.groups);
		assert_int_equal(get(&fixture, "a")->leaks[LEAK_STALLED], 1);
		pass(&fixture, 2 * METRIC_QUIET_NS);
	}
	/* Its last socket has closed: one more page has the group without sockets. */
	metric_groups_begin(fixture.groups);
	assert_int_equal(metric_groups_count(fixture.groups), 1);
	metric_groups_exported(fixture.groups);
	metric_groups_begin(fixture.groups);
	assert_int_equal(metric_groups_count(fixture.groups), 0);
	metric_groups_free(fixture.groups);
}

static void a_walk_ends_with_other(void **state)
{
	struct fixture fixture = make_groups((struct metric_labels){0}, LIMIT);
	struct metric_group *group;

	(void)state;
	group = metric_groups_next(fixture.groups, NULL);
	assert_true(group->other);
	assert_string_equal((const char *)group->key.comm, "other");
	assert_null(metric_groups_next(fixture.groups, group));

	get(&fixture, "a");
	get(&fixture, "b");
	group = metric_groups_next(fixture.groups, NULL);
	assert_string_equal((const char *)group->key.comm, "a");
	group = metric_groups_next(fixture.groups, group);
	assert_string_equal((const char *)group->key.comm, "b");
	assert_false(group->other);
	group = metric_groups_next(fixture.groups, group);
	assert_true(group->other);
	assert_null(metric_groups_next(fixture.groups, group));
	metric_groups_free(fixture.groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bound_is_inclusive),
		cmocka_unit_test(bounds_stay),
		cmocka_unit_test(a_sum_saturates),
		cmocka_unit_test(what_is_not_asked_for_does_not_split),
		cmocka_unit_test(each_label_splits),
		cmocka_unit_test(cgroups_split_by_path),
		cmocka_unit_test(many_cgroups_do_not_add_up),
		cmocka_unit_test(without_that_label_there_are_no_cgroups),
		cmocka_unit_test(a_finding_holds_its_group),
		cmocka_unit_test(a_command_named_other_counts_in_other),
		cmocka_unit_test(names_that_a_label_shows_alike_are_one_group),
		cmocka_unit_test(a_thousand_short_lived_commands_stay_within_the_limit),
		cmocka_unit_test(the_quietest_makes_room),
		cmocka_unit_test(who_has_sockets_stays_and_the_newcomer_counts_in_other),
		cmocka_unit_test(nobody_is_put_out_while_sockets_are_counted),
		cmocka_unit_test(who_had_sockets_is_put_out_in_turn),
		cmocka_unit_test(it_is_always_the_quietest_of_those_without_sockets),
		cmocka_unit_test(a_limit_of_0_leaves_other),
		cmocka_unit_test(gauges_begin_at_0),
		cmocka_unit_test(the_quiet_leave_and_what_was_seen_is_not_counted_twice),
		cmocka_unit_test(who_is_asked_for_is_not_quiet),
		cmocka_unit_test(who_has_sockets_does_not_leave),
		cmocka_unit_test(a_walk_ends_with_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
