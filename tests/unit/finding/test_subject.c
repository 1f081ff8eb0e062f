// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include "finding/subject.h"

static const struct flow flow = {.local = {10, 0, 0, 1},
				 .remote = {10, 0, 0, 2},
				 .local_port = 80,
				 .remote_port = 4000,
				 .netns = 7,
				 .family = AF_INET};

static struct process processes[2];

static struct subject *get(struct subjects *subjects, struct process *process,
			   enum finding_place place, const struct flow *of)
{
	return subjects_get(subjects, FINDING_SYN_FLOOD, process, place, of);
}

static void the_same_is_found_again(void **state)
{
	struct subjects *subjects = subjects_new();
	struct subject *subject = get(subjects, &processes[0], PLACE_NONE, NULL);

	(void)state;
	assert_ptr_equal(get(subjects, &processes[0], PLACE_NONE, &flow), subject);
	assert_ptr_not_equal(get(subjects, &processes[1], PLACE_NONE, NULL), subject);
	assert_ptr_not_equal(get(subjects, NULL, PLACE_NONE, NULL), subject);
	assert_ptr_not_equal(
		subjects_get(subjects, FINDING_DEAD_PEER, &processes[0], PLACE_NONE, NULL),
		subject);
	assert_ptr_not_equal(get(subjects, &processes[0], PLACE_LOCAL, &flow), subject);
	assert_int_equal(subject->flow.family, 0);
	subjects_free(subjects);
}

/* Only what the place names makes a difference. */
static void a_place_is_part_of_the_flow(void **state)
{
	static const struct {
		enum finding_place place;
		bool local, local_port, remote, remote_port;
	} cases[] = {
		{PLACE_LOCAL, true, true, false, false},
		{PLACE_REMOTE, false, false, true, true},
		{PLACE_PAIR, true, false, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct subjects *subjects = subjects_new();
		struct subject *subject = get(subjects, NULL, cases[i].place, &flow);
		struct flow other = flow;

		other.local[3] = 9;
		assert_int_equal(get(subjects, NULL, cases[i].place, &other) != subject,
				 cases[i].local);
		other = flow;
		other.local_port = 9;
		assert_int_equal(get(subjects, NULL, cases[i].place, &other) != subject,
				 cases[i].local_port);
		other = flow;
		other.remote[3] = 9;
		assert_int_equal(get(subjects, NULL, cases[i].place, &other) != subject,
				 cases[i].remote);
		other = flow;
		other.remote_port = 9;
		assert_int_equal(get(subjects, NULL, cases[i].place, &other) != subject,
				 cases[i].remote_port);
		other = flow;
		other.netns = 9;
		assert_ptr_not_equal(get(subjects, NULL, cases[i].place, &other), subject);
		subjects_free(subjects);
	}
}

static void numbers_are_emptied_in_time(void **state)
{
	struct subjects *subjects = subjects_new();
	struct subject *subject = get(subjects, NULL, PLACE_NONE, NULL);

	(void)state;
	subject->now[1] = subject->scanned[2] = subject->ever[3] = 5;
	subject_age(subject, 100, false);
	subject_age(subject, 90, true);
	subject_age(subject, 95, false);
	assert_int_equal(subject->oldest_ns, 90);
	assert_true(subject->oldest_at_least);
	subjects_begin(subjects, 1000);
	assert_int_equal(subject->now[1], 0);
	assert_int_equal(subject->scanned[2], 5);
	assert_int_equal(subject->oldest_ns, 0);
	assert_false(subject->oldest_at_least);
	subjects_begin_scan(subjects);
	assert_int_equal(subject->scanned[2], 0);
	assert_int_equal(subject->ever[3], 5);
	subjects_free(subjects);
}

static size_t count(struct subjects *subjects)
{
	struct subject *subject = NULL;
	size_t found = 0;

	while ((subject = subjects_next(subjects, subject)))
		found++;
	return found;
}

static void forgotten_ones_go(void **state)
{
	struct subjects *subjects = subjects_new();
	struct subject *open;

	(void)state;
	processes[0].sockets = processes[1].sockets = 0;
	subjects_begin(subjects, NS_PER_S);
	get(subjects, &processes[0], PLACE_NONE, NULL);
	open = get(subjects, &processes[1], PLACE_NONE, NULL);
	open->open = true;
	assert_int_equal(processes[0].sockets, 1); /* held */
	subjects_begin(subjects, NS_PER_S + SUBJECT_KEPT_NS);
	assert_int_equal(count(subjects), 2);
	subjects_begin(subjects, NS_PER_S + SUBJECT_KEPT_NS + 1);
	assert_int_equal(count(subjects), 1);
	assert_int_equal(processes[0].sockets, 0);
	assert_int_equal(processes[1].sockets, 1);
	open->open = false;
	subjects_begin(subjects, NS_PER_S + SUBJECT_KEPT_NS + 2);
	assert_int_equal(count(subjects), 0);
	assert_int_equal(processes[1].sockets, 0);
	subjects_free(subjects);
	subjects_free(NULL);
}

static void they_are_bounded(void **state)
{
	struct subjects *subjects = subjects_new();
	struct flow one = flow;

	(void)state;
	for (uint32_t netns = 0; netns < SUBJECTS_LIMIT; netns++) {
		one.netns = netns;
		assert_non_null(get(subjects, NULL, PLACE_LOCAL, &one));
	}
	one.netns = SUBJECTS_LIMIT;
	assert_null(get(subjects, NULL, PLACE_LOCAL, &one));
	one.netns = 0;
	assert_non_null(get(subjects, NULL, PLACE_LOCAL, &one));
	assert_int_equal(count(subjects), SUBJECTS_LIMIT);
	subjects_free(subjects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_found_again),
		cmocka_unit_test(a_place_is_part_of_the_flow),
		cmocka_unit_test(numbers_are_emptied_in_time),
		cmocka_unit_test(forgotten_ones_go),
		cmocka_unit_test(they_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
