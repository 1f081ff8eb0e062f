// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "app"};

#define RTO_NS (200 * NS_PER_MS)

static struct findings *peers_new(void)
{
	struct findings *findings = findings_new(&everything);

	findings->world->tracker.tick_ns = TICK_NS;
	return findings;
}

static struct event_flow peer_flow(uint64_t cookie, unsigned int host)
{
	char remote[32];

	snprintf(remote, sizeof(remote), "10.1.0.%u", host);
	return make_flow("10.0.0.2", (uint16_t)(30000 + cookie), remote, 5432);
}

static void connect_to(struct findings *findings, uint64_t cookie, unsigned int host)
{
	struct event_flow flow = peer_flow(cookie, host);

	world_step(findings->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, findings->kernel.now_ns,
		   &client);
	world_step(findings->world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED,
		   findings->kernel.now_ns, NULL);
}

/* Connections from `host` to port 80. */
static void come_from(struct findings *findings, uint64_t cookie, unsigned int host)
{
	struct event_flow flow = peer_flow(cookie, host);

	flow.local_port = 80;
	flow.remote_port = (uint16_t)(30000 + cookie);
	world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
		   findings->kernel.now_ns, NULL);
}

/* The n-th timeout in a row of what was sent at sent_ns, when the peer was last heard. */
static void time_out(struct findings *findings, uint64_t cookie, uint64_t sent_ns, unsigned int n,
		     bool keepalive)
{
	struct event_flow flow = peer_flow(cookie, 1);
	uint64_t time_ns = sent_ns + RTO_NS * ((1u << n) - 1);
	struct event_segment e =
		make_segment(cookie, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, time_ns);

	e.timeouts = (uint8_t)n;
	e.backoff = (uint8_t)(n - 1);
	e.unacknowledged = 1000;
	e.last_received_ticks = TICKS(time_ns - sent_ns);
	if (keepalive)
		e.flow.flags |= EVENT_KEEPALIVE;
	world_feed_segment(findings->world, &e);
}

/* Time goes on, with a look a second, and timeouts of sockets first to last where they are due. */
static void be_silent(struct findings *findings, uint64_t first, uint64_t last, unsigned int most,
		      unsigned int seconds, bool keepalive)
{
	uint64_t sent_ns = findings->kernel.now_ns;
	unsigned int n = 1;

	for (unsigned int i = 0; i < seconds; i++) {
		for (; n <= most &&
		       sent_ns + RTO_NS * ((1u << n) - 1) <= findings->kernel.now_ns + NS_PER_S;
		     n++)
			for (uint64_t cookie = first; cookie <= last; cookie++)
				time_out(findings, cookie, sent_ns, n, keepalive);
		findings_pass(findings, 1);
	}
}

static void a_peer_is_gone(void **state)
{
	struct findings *findings = peers_new();
	const struct finding *finding;

	(void)state;
	connect_to(findings, 1, 1);
	findings_pass(findings, 100);
	be_silent(findings, 1, 1, 10, 60, false);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_DEAD_PEER);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_int_equal(finding->place, PLACE_REMOTE);
	assert_int_equal(finding->flow.remote_port, 5432);
	assert_string_equal(finding->process->comm, "app");
	assert_evidence(finding, "count", 1);
	assert_evidence(finding, "unacknowledged", 1000);
	assert_evidence(finding, "backoff", 4);
	assert_evidence(finding, "keepalive", false);
	assert_in_range(finding_evidence(finding, "silent_for")->count, 6 * NS_PER_S, 8 * NS_PER_S);
	findings_free(findings);
}

/* It answers again: its entry stays as the last timeout left it. */
static void a_peer_comes_back(void **state)
{
	struct findings *findings = peers_new();

	(void)state;
	connect_to(findings, 1, 1);
	be_silent(findings, 1, 1, 6, 14, true);
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "keepalive", true);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

/* ... and much later is lost for a second. */
static void trouble_of_long_ago(void **state)
{
	struct findings *findings = peers_new();

	(void)state;
	connect_to(findings, 1, 1);
	be_silent(findings, 1, 1, 4, 10, false);
	findings_pass(findings, 600);
	be_silent(findings, 1, 1, 3, 60, false);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void when_tcpwatch_came_later(void **state)
{
	struct findings *findings = peers_new();

	(void)state;
	connect_to(findings, 1, 1);
	time_out(findings, 1, findings->kernel.now_ns - 20 * NS_PER_S, 8, false);
	findings->kernel.now_ns += 40 * NS_PER_S;
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "backoff", 7);
	findings_free(findings);
}

/* Connections older than tcpwatch: without a listener on this side, this side is the client. */
static void of_a_role_not_seen(void **state)
{
	struct findings *findings = peers_new();
	struct scan_result result = scan_new(START_NS);
	struct event_flow flow = peer_flow(1, 1);
	struct event_scan scan = make_scan(1, &flow, TCP_ESTABLISHED, &client, 5, START_NS);

	(void)state;
	scan_add(&result, &scan);
	world_reconcile(findings->world, &result);
	assert_int_equal(world_find(findings->world, 1)->role, ROLE_UNKNOWN);
	be_silent(findings, 1, 1, 10, 20, false);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_WARNING);
	assert_int_equal(findings_note(findings, 0)->flow.remote_port, 5432);
	findings_free(findings);
}

/* Of a hundred clients nine go away, each in its own time; then more. */
static void clients_go(void **state)
{
	struct findings *findings = peers_new();
	struct event_flow listener = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	const struct finding *finding;

	(void)state;
	world_step(findings->world, 5000, &listener, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	for (uint64_t cookie = 1; cookie <= 100; cookie++)
		come_from(findings, cookie, (unsigned int)cookie);
	be_silent(findings, 1, 9, 10, 60, false);
	assert_int_equal(findings->count, 0);
	be_silent(findings, 1, 40, 10, 60, false);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->place, PLACE_NONE);
	assert_int_equal(finding->severity, SEVERITY_CRITICAL);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "peers", 40);
	assert_evidence(finding, "count", 40);
	assert_evidence(finding, "unacknowledged", 40000);
	assert_evidence(finding, "keepalive", false);
	findings_free(findings);
}

/* A server whose only client is gone. */
static void the_only_client_goes(void **state)
{
	struct findings *findings = peers_new();
	struct event_flow listener = make_flow("0.0.0.0", 80, "0.0.0.0", 0);

	(void)state;
	world_step(findings->world, 5000, &listener, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	come_from(findings, 1, 1);
	be_silent(findings, 1, 1, 10, 20, false);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_INFO);
	assert_int_equal(findings_note(findings, 0)->place, PLACE_REMOTE);
	assert_int_equal(findings_note(findings, 0)->flow.remote_port, 0);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_gone),      cmocka_unit_test(a_peer_comes_back),
		cmocka_unit_test(trouble_of_long_ago), cmocka_unit_test(when_tcpwatch_came_later),
		cmocka_unit_test(clients_go),	       cmocka_unit_test(the_only_client_goes),
		cmocka_unit_test(of_a_role_not_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
