// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static const struct event_task peer = {.start_ns = 9, .tgid = 300, .comm = "curl"};

/* Sockets first to last are in CLOSE_WAIT since 11 s, and reported. */
static void leak(struct findings *findings, uint64_t first, uint64_t last)
{
	struct world *world = findings->world;

	for (uint64_t cookie = first; cookie <= last; cookie++)
		enter(world, cookie, findings->kernel.now_ns - 11 * NS_PER_S);
	assert_int_equal(leak_watch_collect(world->leaks, findings->kernel.now_ns),
			 last - first + 1);
	assert_int_equal(judge_idle(world, first, last, findings->kernel.now_ns), 0);
}

static void one_leak_is_no_habit(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	leak(findings, 1, 9);
	findings_pass(findings, 90);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.scans, 0);
	findings_free(findings);
}

static void many_are_one(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	leak(findings, 1, 10);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_CLOSE_WAIT_LEAK);
	assert_int_equal(finding->status, FINDING_OPENED);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "count", 10);
	assert_evidence(finding, "unclosed", 10);
	assert_evidence(finding, "oldest", 12 * NS_PER_S);
	assert_evidence(finding, "descriptor_limit", 1024);
	assert_evidence_text(finding, "listener", "10.0.0.1:80");
	assert_no_evidence(finding, "growth"); /* not known yet */
	assert_no_evidence(finding, "exhausted_in");
	assert_no_evidence(finding, "peers_here");
	assert_int_equal(findings->kernel.limits_read, 1);
	findings_free(findings);
}

/* One more every ten seconds: three are few, but their number grows. */
static void few_that_grow_are_one(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 6; cookie++) {
		assert_int_equal(findings->count, 0);
		leak(findings, cookie, cookie);
		findings_pass(findings, 10);
	}
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_evidence(finding, "count", 6);
	assert_true(finding_evidence(finding, "growth")->rate > 4);
	assert_true(finding_evidence(finding, "growth")->rate < 7);
	findings_free(findings);
}

static void few_that_came_at_once_are_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	leak(findings, 1, 1);
	findings_pass(findings, 1);
	leak(findings, 2, 9);
	findings_pass(findings, 150);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void descriptors_that_run_out_are_critical(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	findings->kernel.limit = 40;
	leak(findings, 1, 29);
	findings_pass(findings, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_WARNING);
	leak(findings, 30, 30); /* three quarters */
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_WORSE);
	assert_int_equal(findings_note(findings, 1)->severity, SEVERITY_CRITICAL);
	assert_evidence(findings_note(findings, 1), "descriptor_limit", 40);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 2);
	findings_free(findings);
}

/* A hundred a minute fill a thousand within ten minutes. */
static void soon_is_critical_too(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct evidence *left;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 124; cookie += 2) {
		leak(findings, cookie, cookie + 1);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->severity, SEVERITY_CRITICAL);
	left = finding_evidence(findings_note(findings, 1), "exhausted_in");
	assert_non_null(left);
	assert_in_range(left->count, 7 * 60 * NS_PER_S, 8 * 60 * NS_PER_S);
	findings_free(findings);
}

static void what_is_not_known_is_left_out(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	findings->kernel.limit = 0;
	leak(findings, 1, 100);
	findings_pass(findings, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_WARNING);
	assert_no_evidence(findings_note(findings, 0), "descriptor_limit");
	findings_free(findings);
}

/* An idle connection of a client. Its server closed at closed_ns; the client has not read that. */
static void clients(struct findings *findings, uint64_t first, uint64_t last, uint32_t recv_queue)
{
	struct world *world = findings->world;
	struct scan_result result = scan_new(findings->kernel.now_ns);
	uint64_t closed_ns = findings->kernel.now_ns - 11 * NS_PER_S;

	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_flow flow =
			make_flow("10.0.0.1", (uint16_t)(1024 + cookie), "10.0.0.7", 443);
		struct event_scan scan =
			make_scan(cookie, &flow, TCP_CLOSE_WAIT, &peer, 7, findings->kernel.now_ns);

		world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, closed_ns - 2, &peer);
		world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, closed_ns - 1,
			   NULL);
		world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, closed_ns, NULL);
		scan.recv_queue = recv_queue;
		scan.last_sent_ticks = scan.last_received_ticks = TICKS(60 * NS_PER_S);
		scan_add(&result, &scan);
	}
	leak_watch_collect(world->leaks, findings->kernel.now_ns);
	assert_int_equal(judge(world, &result, findings->kernel.now_ns), 0);
}

static void pool(struct findings *findings, uint64_t first, uint64_t last)
{
	clients(findings, first, last, 1);
}

/* Responses that a client does not read are no pool. */
static void unread_responses_are_leaks(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	clients(findings, 1, 60, 11870);
	findings_pass(findings, 2);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_evidence(finding, "count", 60);
	assert_evidence(finding, "unread", 60);
	assert_evidence_text(finding, "peer", "10.0.0.7:443");
	assert_no_evidence(finding, "idle_in_pool");
	findings_free(findings);
}

static void a_pool_is_told_apart(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	pool(findings, 1, 100);
	findings_pass(findings, 70);
	assert_int_equal(findings->count, 0);
	pool(findings, 101, 101);
	findings_pass(findings, 70);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_non_null(strstr(finding->advice, "pool"));
	assert_evidence(finding, "count", 101);
	assert_evidence(finding, "idle_in_pool", 101);
	assert_evidence_text(finding, "peer", "10.0.0.7:443");
	assert_no_evidence(finding, "unread");
	findings_free(findings);
}

/* The other ends of sockets first to last, in this namespace. */
static void hold_peers(struct findings *findings, uint64_t first, uint64_t last, uint32_t netns)
{
	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_flow flow =
			make_flow("10.0.0.2", (uint16_t)(1024 + cookie), "10.0.0.1", 80);
		struct event_transition e =
			make_transition(1000 + cookie + netns, &flow, TCP_ESTABLISHED,
					TCP_FIN_WAIT1, findings->kernel.now_ns - 12 * NS_PER_S);

		e.header.netns = netns;
		make_actor(&e, &peer);
		world_feed(findings->world, &e);
		e = make_transition(1000 + cookie + netns, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
				    findings->kernel.now_ns - 12 * NS_PER_S);
		e.header.netns = netns;
		world_feed(findings->world, &e);
	}
}

static void the_other_end_is_named(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	hold_peers(findings, 1, 7, NETNS + 5);
	leak(findings, 1, 10);
	findings_pass(findings, 1);
	finding = findings_note(findings, 0);
	assert_evidence(finding, "peers_here", 7);
	assert_evidence_text(finding, "peer_process", "curl[300]");
	assert_non_null(finding_evidence(finding, "peer_netns"));
	assert_non_null(strstr(finding->says, "Both ends"));
	assert_non_null(strstr(finding->advice, "not its peers"));
	findings_free(findings);
}

/* Two other namespaces have the same addresses, so the owner of the other end is not known. */
static void addresses_used_twice_name_nobody(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	hold_peers(findings, 1, 10, NETNS + 5);
	hold_peers(findings, 1, 9, NETNS + 105);
	leak(findings, 1, 10);
	findings_pass(findings, 1);
	assert_evidence(findings_note(findings, 0), "peers_here", 1);
	findings_free(findings);
}

/* A closed one is a mini-socket: the kernel is asked, once. */
static void the_other_end_may_be_closed(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 10; cookie++) {
		struct event_flow flow =
			make_flow("10.0.0.2", (uint16_t)(1024 + cookie), "10.0.0.1", 80);
		struct event_scan scan =
			make_scan_mini(1000 + cookie, &flow, TCP_FIN_WAIT2, 0, START_NS);

		findings_know(findings, &scan);
	}
	leak(findings, 1, 10);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings->kernel.scans, 1);
	assert_evidence(findings_note(findings, 0), "peers_here", 10);
	assert_no_evidence(findings_note(findings, 0), "peer_process"); /* not known */
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_leak_is_no_habit),
		cmocka_unit_test(many_are_one),
		cmocka_unit_test(few_that_grow_are_one),
		cmocka_unit_test(few_that_came_at_once_are_none),
		cmocka_unit_test(descriptors_that_run_out_are_critical),
		cmocka_unit_test(soon_is_critical_too),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(unread_responses_are_leaks),
		cmocka_unit_test(a_pool_is_told_apart),
		cmocka_unit_test(the_other_end_is_named),
		cmocka_unit_test(addresses_used_twice_name_nobody),
		cmocka_unit_test(the_other_end_may_be_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
