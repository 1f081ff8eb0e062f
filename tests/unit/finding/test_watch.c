// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What holds for each rule, shown with close-wait-leak and accept-stall. */
#include "findings.h"

/* Sockets first to last have been in CLOSE_WAIT for 11 s, and are reported. */
static void leak(struct findings *findings, uint64_t first, uint64_t last)
{
	struct world *world = findings->world;

	for (uint64_t cookie = first; cookie <= last; cookie++)
		enter(world, cookie, findings->kernel.now_ns - 11 * NS_PER_S);
	leak_watch_collect(world->leaks, findings->kernel.now_ns);
	judge_idle(world, first, last, findings->kernel.now_ns);
}

static void mend(struct findings *findings, uint64_t first, uint64_t last)
{
	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_flow flow = server_flow(cookie);

		leave(findings->world, cookie, findings->kernel.now_ns);
		world_step(findings->world, cookie, &flow, TCP_LAST_ACK, TCP_CLOSE,
			   findings->kernel.now_ns, NULL);
	}
}

static size_t open_ones(const struct findings *findings)
{
	struct finding_list list;
	size_t count;

	assert_int_equal(finding_list_build(&list, findings->watch), 0);
	count = list.count;
	finding_list_clear(&list);
	return count;
}

static enum severity worst(const struct findings *findings)
{
	struct finding_list list;
	enum severity severity;

	assert_int_equal(finding_list_build(&list, findings->watch), 0);
	assert_in_range(list.count, 1, SIZE_MAX);
	severity = list.open[0].subject->severity;
	finding_list_clear(&list);
	return severity;
}

static void nothing_is_told_of_nothing(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	assert_int_equal(scan_plan_deadline(&findings->plan), START_NS + NS_PER_S);
	findings_pass(findings, 100);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.scans, 0);
	assert_int_equal(findings->kernel.settings_read, 0);
	assert_int_equal(open_ones(findings), 0);
	findings_free(findings);
	finding_watch_free(NULL);
}

static void a_look_is_not_before_its_time(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	leak(findings, 1, 10);
	findings->kernel.now_ns += NS_PER_S - 1;
	scan_plan_look(&findings->plan);
	assert_int_equal(findings->count, 0);
	findings->kernel.now_ns += 1;
	scan_plan_look(&findings->plan);
	assert_int_equal(findings->count, 1);
	assert_int_equal(scan_plan_deadline(&findings->plan), findings->kernel.now_ns + NS_PER_S);
	findings_free(findings);
}

/* Opens once, gets worse once, and is over ten seconds after it was true last. */
static void each_thing_is_told_once(void **state)
{
	struct findings *findings = findings_new(&everything);
	uint64_t opened_ns, ended_ns;

	(void)state;
	findings->kernel.limit = 40;
	leak(findings, 1, 20);
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 1);
	opened_ns = START_NS + NS_PER_S;
	assert_int_equal(findings_note(findings, 0)->time_ns, opened_ns);
	assert_int_equal(findings_note(findings, 0)->since_ns, opened_ns);
	leak(findings, 21, 35);
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_WORSE);
	assert_int_equal(findings_note(findings, 1)->since_ns, opened_ns);
	mend(findings, 21, 35); /* never better than it was */
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 2);
	assert_int_equal(open_ones(findings), 1);
	assert_int_equal(worst(findings), SEVERITY_CRITICAL);
	mend(findings, 1, 20);
	ended_ns = findings->kernel.now_ns;
	findings_pass(findings, 9);
	assert_int_equal(findings->count, 2);
	assert_int_equal(open_ones(findings), 1);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 3);
	assert_int_equal(findings_note(findings, 2)->status, FINDING_OVER);
	assert_int_equal(findings_note(findings, 2)->severity, SEVERITY_CRITICAL);
	assert_int_equal(findings_note(findings, 2)->time_ns, ended_ns + 10 * NS_PER_S);
	assert_int_equal(open_ones(findings), 0);
	findings_free(findings);
}

static void what_comes_back_in_time_was_never_over(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	leak(findings, 1, 10);
	findings_pass(findings, 2);
	mend(findings, 1, 10);
	findings_pass(findings, 9);
	leak(findings, 11, 20);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 1);
	mend(findings, 11, 20);
	findings_pass(findings, 30);
	leak(findings, 21, 30);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 3);
	assert_int_equal(findings_note(findings, 2)->status, FINDING_OPENED);
	assert_int_equal(findings_note(findings, 2)->time_ns, findings_note(findings, 2)->since_ns);
	findings_free(findings);
}

/* Two processes are two findings. */
static void each_subject_has_its_own(void **state)
{
	static const struct event_task other = {.start_ns = 8, .tgid = 77, .comm = "other"};
	struct findings *findings = findings_new(&everything);
	struct world *world = findings->world;
	struct scan_result result = scan_new(findings->kernel.now_ns);

	(void)state;
	leak(findings, 1, 10);
	for (uint64_t cookie = 11; cookie <= 20; cookie++) {
		struct event_scan scan = idle(cookie, &other, findings->kernel.now_ns);

		enter(world, cookie, findings->kernel.now_ns - 11 * NS_PER_S);
		scan_add(&result, &scan);
	}
	leak_watch_collect(world->leaks, findings->kernel.now_ns);
	assert_int_equal(judge(world, &result, findings->kernel.now_ns), 0);
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 2);
	assert_int_equal(open_ones(findings), 2);
	assert_ptr_not_equal(findings_note(findings, 0)->process,
			     findings_note(findings, 1)->process);
	findings_free(findings);
}

static void others_than_the_watched_are_left_out(void **state)
{
	char other[1][16] = {"apache2"};
	struct options options = {.comms = other, .comm_count = 1};
	struct findings *findings = findings_new(&options);

	(void)state;
	leak(findings, 1, 20);
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void listen_at_80(struct findings *findings)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_scan scan = make_scan(5000, &flow, TCP_LISTEN, NULL, 0, START_NS);

	world_step(findings->world, 5000, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	scan.recv_queue = 11;
	scan.send_queue = 10;
	findings_know(findings, &scan);
	for (uint64_t cookie = 1; cookie <= 11; cookie++) {
		flow = server_flow(cookie);
		world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS,
			   NULL);
	}
}

/* No more than one every two seconds; those that take more than a hundredth of the time every five,
 * and at most a twentieth of the time. */
static void scans_have_a_budget(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_at_80(findings);
	findings_pass(findings, 60);
	assert_in_range(findings->kernel.scans, 25, 30);
	findings->kernel.scans = 0;
	findings->kernel.scan_ns = 100 * NS_PER_MS;
	findings_pass(findings, 100);
	assert_in_range(findings->kernel.scans, 16, 21);
	findings->kernel.scans = 0;
	findings->kernel.scan_ns = 1 * NS_PER_S; /* the first one is saved up */
	findings_pass(findings, 200);
	assert_in_range(findings->kernel.scans, 9, 12);
	findings_pass(findings, 20);
	findings->kernel.scans = 0;
	findings->kernel.scan_ns = 0;
	findings->kernel.scan_error = -ENOMEM; /* tried again after ten seconds */
	findings_pass(findings, 100);
	assert_in_range(findings->kernel.scans, 9, 11);
	findings_free(findings);
}

/* Read when asked for, and again after half a minute; also where that failed. */
static void settings_are_kept_for_a_while(void **state)
{
	for (int error = 0; error >= -EPERM; error -= EPERM) {
		struct findings *findings = findings_new(&everything);

		(void)state;
		findings->kernel.settings_error = error;
		listen_at_80(findings);
		findings_pass(findings, 60);
		assert_in_range(findings->kernel.settings_read, 1, 3);
		assert_true(findings->count > 0);
		if (error)
			assert_no_evidence(findings_note(findings, 0), "somaxconn");
		else
			assert_evidence(findings_note(findings, 0), "somaxconn", 4096);
		findings_free(findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told_of_nothing),
		cmocka_unit_test(a_look_is_not_before_its_time),
		cmocka_unit_test(each_thing_is_told_once),
		cmocka_unit_test(what_comes_back_in_time_was_never_over),
		cmocka_unit_test(each_subject_has_its_own),
		cmocka_unit_test(others_than_the_watched_are_left_out),
		cmocka_unit_test(scans_have_a_budget),
		cmocka_unit_test(settings_are_kept_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
