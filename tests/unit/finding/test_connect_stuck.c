// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};

static struct findings *clients_new(void)
{
	struct findings *findings = findings_new(&everything);

	findings->world->tracker.features = 1u << FEATURE_RETRANSMITS;
	return findings;
}

/* Connections differ by port, and peers by host. */
static struct event_flow call_flow(uint64_t cookie, unsigned int host)
{
	char remote[32];

	snprintf(remote, sizeof(remote), "10.1.0.%u", host);
	return make_flow("10.0.0.2", (uint16_t)(30000 + cookie), remote, 443);
}

static void call(struct findings *findings, uint64_t cookie, unsigned int host)
{
	struct event_flow flow = call_flow(cookie, host);

	world_step(findings->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, findings->kernel.now_ns,
		   &client);
}

static void send_again(struct findings *findings, uint64_t cookie, unsigned int timeouts)
{
	struct event_flow flow = call_flow(cookie, 1);
	struct event_segment e = make_segment(cookie, &flow, SEGMENT_REPEATED, TCP_SYN_SENT,
					      findings->kernel.now_ns);

	e.timeouts = (uint8_t)timeouts;
	world_feed_segment(findings->world, &e);
}

/* The tracker has the hooks of the test's world, so this passes the change to the findings. */
static void end(struct findings *findings, uint64_t cookie, unsigned int to, unsigned int error)
{
	const struct tcp_socket *socket = world_find(findings->world, cookie);
	struct event_transition e;
	struct event_flow flow = call_flow(cookie, socket->flow.remote[3]);

	e = make_transition(cookie, &flow, TCP_SYN_SENT, to, findings->kernel.now_ns);
	e.error = error;
	if (!error && to == TCP_CLOSE) {
		e.shutdown = 3;
		make_actor(&e, &client);
	}
	world_feed(findings->world, &e);
	finding_watch_changed(findings->watch, &world_last(findings->world)->change);
}

static void several_that_wait(void **state)
{
	struct findings *findings = clients_new();
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		call(findings, cookie, 1);
	findings_pass(findings, 3);
	assert_int_equal(findings->count, 0);
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		send_again(findings, cookie, 2);
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_CONNECT_STUCK);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_int_equal(finding->place, PLACE_REMOTE);
	assert_int_equal(finding->flow.remote_port, 443);
	assert_string_equal(finding->process->comm, "curl");
	assert_evidence(finding, "count", 3);
	assert_evidence(finding, "retransmits", 6);
	assert_evidence(finding, "oldest", 4 * NS_PER_S);
	assert_false(finding_evidence(finding, "oldest")->at_least);
	assert_no_evidence(finding, "waiting");
	assert_no_evidence(finding, "gave_up");
	call(findings, 4, 1);
	call(findings, 5, 1);
	findings_pass(findings, 4);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_WORSE);
	assert_int_equal(findings_note(findings, 1)->severity, SEVERITY_WARNING);
	/* Of two no SYN was seen to be sent again: how often in all is not known. */
	assert_no_evidence(findings_note(findings, 1), "retransmits");
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		end(findings, cookie, TCP_ESTABLISHED, 0);
	findings_pass(findings, 11);
	assert_int_equal(findings->count, 3);
	assert_int_equal(findings_note(findings, 2)->status, FINDING_OVER);
	findings_free(findings);
}

static void one_must_wait_longer(void **state)
{
	struct findings *findings = clients_new();

	(void)state;
	call(findings, 1, 1);
	findings_pass(findings, 9);
	assert_int_equal(findings->count, 0);
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "count", 1);
	findings_free(findings);
}

/* Found by the first scan: it may have waited before. */
static void older_than_tcpwatch(void **state)
{
	struct findings *findings = clients_new();
	struct event_flow flow = call_flow(1, 1);
	struct event_scan scan = make_scan(1, &flow, TCP_SYN_SENT, &client, 5, START_NS);
	struct scan_result result = scan_new(START_NS);

	(void)state;
	scan_add(&result, &scan);
	world_reconcile(findings->world, &result);
	findings_pass(findings, 12);
	assert_int_equal(findings->count, 1);
	assert_true(finding_evidence(findings_note(findings, 0), "oldest")->at_least);
	assert_no_evidence(findings_note(findings, 0), "retransmits");
	findings_free(findings);
}

/* A program that tries again and again, with a timeout of two seconds. */
static void tries_that_are_given_up(void **state)
{
	struct findings *findings = clients_new();
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 3; cookie++) {
		call(findings, cookie, 1);
		findings_pass(findings, 2);
		assert_int_equal(findings->count, 0);
		end(findings, cookie, TCP_CLOSE, cookie == 2 ? ETIMEDOUT : 0);
	}
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_evidence(finding, "count", 3);
	assert_evidence(finding, "waiting", 0);
	assert_evidence(finding, "gave_up", 3);
	assert_no_evidence(finding, "oldest");
	findings_pass(findings, 75);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

/* Whoever answers now and then, if only by a refusal, is there. */
static void answers_between(void **state)
{
	struct findings *findings = clients_new();

	(void)state;
	for (uint64_t cookie = 1; cookie <= 20; cookie += 2) {
		call(findings, cookie, 1);
		findings_pass(findings, 2);
		end(findings, cookie, TCP_CLOSE, 0);
		call(findings, cookie + 1, 1);
		if (cookie % 4 == 1)
			end(findings, cookie + 1, TCP_ESTABLISHED, 0);
		else
			end(findings, cookie + 1, TCP_CLOSE, ECONNREFUSED);
	}
	findings_pass(findings, 5);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* Several addresses are tried at once, and the slower ones closed: "happy eyeballs". */
static void happy_eyeballs(void **state)
{
	struct findings *findings = clients_new();

	(void)state;
	for (uint64_t cookie = 1; cookie <= 40; cookie++) {
		call(findings, cookie, 1);
		findings->kernel.now_ns += 300 * NS_PER_MS;
		end(findings, cookie, TCP_CLOSE, 0);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* Told once, and not for each. */
static void many_peers(void **state)
{
	struct findings *findings = clients_new();
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 30; cookie++)
		call(findings, cookie, (unsigned int)cookie);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->place, PLACE_NONE);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_string_equal(finding->process->comm, "curl");
	assert_evidence(finding, "peers", 30);
	assert_evidence(finding, "count", 30);
	assert_evidence(finding, "oldest", 10 * NS_PER_S);
	assert_non_null(strstr(finding->says, "many peers"));
	findings_free(findings);
}

/* The finding is about those that wait and those that were given up. */
static void many_peers_that_are_given_up(void **state)
{
	struct findings *findings = clients_new();
	const struct finding *finding;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 18; cookie++) {
		call(findings, cookie, (unsigned int)cookie % 6);
		findings->kernel.now_ns += 2 * NS_PER_S;
		end(findings, cookie, TCP_CLOSE, 0);
	}
	call(findings, 19, 0);
	findings_pass(findings, 5);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->place, PLACE_NONE);
	assert_evidence(finding, "peers", 6);
	assert_evidence(finding, "count", 18);
	assert_evidence(finding, "waiting", 0);
	assert_evidence(finding, "gave_up", 18);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_that_wait),
		cmocka_unit_test(one_must_wait_longer),
		cmocka_unit_test(older_than_tcpwatch),
		cmocka_unit_test(tries_that_are_given_up),
		cmocka_unit_test(answers_between),
		cmocka_unit_test(happy_eyeballs),
		cmocka_unit_test(many_peers),
		cmocka_unit_test(many_peers_that_are_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
