// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};

static struct event_flow flow_of(uint64_t cookie)
{
	return make_flow("10.0.0.2", (uint16_t)(1024 + cookie % 60000), "10.0.0.1", 80);
}

/* A client's connection that is shut down now; FIN_WAIT2 as of its second packet. */
static void shut_down(struct findings *findings, uint64_t cookie)
{
	struct event_flow flow = flow_of(cookie);
	uint64_t now_ns = findings->kernel.now_ns;

	world_step(findings->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, now_ns, &client);
	world_step(findings->world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, now_ns, NULL);
	world_step(findings->world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, now_ns, &client);
	world_step(findings->world, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, now_ns, NULL);
}

/* Its record for scans: a process holds it, and the peer was last heard from silent_ns ago. */
static struct event_scan *hold(struct findings *findings, uint64_t cookie, uint64_t silent_ns)
{
	struct event_flow flow = flow_of(cookie);
	struct event_scan scan = make_scan(cookie, &flow, TCP_FIN_WAIT2, &client, 7, START_NS);

	scan.last_received_ticks = TICKS(silent_ns) + 1;
	return findings_know(findings, &scan);
}

/* No process holds it any more; scans show that it still waits for the peer. */
static void orphan(struct findings *findings, uint64_t cookie)
{
	struct event_flow flow = flow_of(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_FIN_WAIT2, TCP_CLOSE, findings->kernel.now_ns);
	struct event_scan scan = make_scan_mini(cookie, &flow, TCP_FIN_WAIT2, 0, START_NS);

	shut_down(findings, cookie);
	e.flow.flags = EVENT_DEAD;
	e.shutdown = 3;
	world_feed(findings->world, &e);
	findings_know(findings, &scan);
}

static void held_for_longer_than_the_kernel_would(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	shut_down(findings, 1);
	shut_down(findings, 2);
	hold(findings, 1, 61 * NS_PER_S);
	hold(findings, 2, 70 * NS_PER_S);
	findings_pass(findings, 59);
	assert_int_equal(findings->kernel.scans, 0);
	findings_pass(findings, 2);
	assert_int_equal(findings->count, 1);
	assert_true(findings->kernel.asked.descriptors);
	assert_false(scan_request_tables(&findings->kernel.asked));
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_FIN_WAIT2_STUCK);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_int_equal(finding->place, PLACE_REMOTE);
	assert_int_equal(finding->flow.remote_port, 80);
	assert_string_equal(finding->process->comm, "curl");
	assert_evidence(finding, "count", 2);
	assert_evidence(finding, "held", 2);
	assert_evidence(finding, "oldest", 60 * NS_PER_S);
	assert_false(finding_evidence(finding, "oldest")->at_least);
	assert_evidence(finding, "silent_for", 61 * NS_PER_S);
	assert_no_evidence(finding, "orphaned");
	assert_no_evidence(finding, "tcp_fin_timeout");
	/* The peer closes at last. */
	for (uint64_t cookie = 1; cookie <= 2; cookie++) {
		struct event_flow flow = flow_of(cookie);

		world_step(findings->world, cookie, &flow, TCP_FIN_WAIT2, TCP_CLOSE,
			   findings->kernel.now_ns, NULL);
	}
	findings_pass(findings, 11);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

static void many_held_are_a_warning(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	for (uint64_t cookie = 1; cookie <= 10; cookie++) {
		shut_down(findings, cookie);
		hold(findings, cookie, 61 * NS_PER_S);
	}
	findings_pass(findings, 61);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_WARNING);
	assert_evidence(findings_note(findings, 0), "held", 10);
	findings_free(findings);
}

/* A lawful half-close: the answer still comes. */
static void data_that_comes_is_no_stall(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	shut_down(findings, 1);
	hold(findings, 1, 59 * NS_PER_S);
	findings_pass(findings, 300);
	assert_true(findings->kernel.scans > 10);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* A busy machine: the record is read two seconds after the look began, and is as of then. */
static void silence_is_no_longer_than_the_age(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	shut_down(findings, 1);
	findings_pass(findings, 59);
	hold(findings, 1, 62 * NS_PER_S);
	findings->kernel.scan_ns = 2 * NS_PER_S;
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "oldest", 60 * NS_PER_S);
	assert_evidence(findings_note(findings, 0), "silent_for", 60 * NS_PER_S);
	findings_free(findings);
}

/* It is in another state now, or no process holds it. */
static void what_the_kernel_does_not_say_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_flow flow = flow_of(2);
	struct event_scan scan = make_scan(2, &flow, TCP_FIN_WAIT2, NULL, 0, START_NS);

	(void)state;
	shut_down(findings, 1);
	shut_down(findings, 2);
	scan.last_received_ticks = TICKS(100 * NS_PER_S);
	findings_know(findings, &scan);
	findings_pass(findings, 100);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void no_answer_is_no_evidence(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	shut_down(findings, 1);
	hold(findings, 1, 100 * NS_PER_S);
	findings_pass(findings, 61);
	assert_int_equal(findings->count, 1);
	findings->kernel.scan_error = -EIO;
	findings_pass(findings, 90);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

static void orphans_of_one_peer(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 120; cookie++)
		orphan(findings, cookie);
	findings_pass(findings, 19);
	assert_int_equal(findings->kernel.scans, 0);
	findings_pass(findings, 2);
	assert_int_equal(findings->count, 1);
	assert_true(scan_request_tables(&findings->kernel.asked));
	assert_int_equal(findings->kernel.asked.mini_states, 1u << TCP_FIN_WAIT2);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_evidence(finding, "count", 120);
	assert_evidence(finding, "orphaned", 120);
	assert_evidence(finding, "oldest", 20 * NS_PER_S);
	assert_evidence(finding, "tcp_fin_timeout", 60 * NS_PER_S);
	assert_no_evidence(finding, "held");
	assert_non_null(strstr(finding->advice, "No process holds"));
	findings_free(findings);
}

/* In the tracepoints mode their end is not recorded: the table has them, the kernel does not. A
 * scan is wanted twice a minute, not in every look. */
static void orphans_that_are_gone_are_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	for (unsigned int seconds = 0; seconds < 60; seconds++) {
		for (uint64_t number = 1; number <= 10; number++)
			orphan(findings, seconds * 10 + number);
		findings->known_count = 0;
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 0);
	assert_in_range(findings->kernel.scans, 1, 2);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_for_longer_than_the_kernel_would),
		cmocka_unit_test(many_held_are_a_warning),
		cmocka_unit_test(data_that_comes_is_no_stall),
		cmocka_unit_test(silence_is_no_longer_than_the_age),
		cmocka_unit_test(what_the_kernel_does_not_say_is_none),
		cmocka_unit_test(no_answer_is_no_evidence),
		cmocka_unit_test(orphans_of_one_peer),
		cmocka_unit_test(orphans_that_are_gone_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
