// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static struct event_flow flow_from(const char *peer, uint64_t cookie)
{
	return make_flow(strchr(peer, ':') ? "fd00::80" : "10.0.0.1", 80, peer,
			 (uint16_t)(1024 + cookie % 60000));
}

/* The peer closes, then the server, now. */
static void last_ack(struct findings *findings, const char *peer, uint64_t cookie)
{
	struct event_flow flow = flow_from(peer, cookie);
	uint64_t now_ns = findings->kernel.now_ns;

	world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, now_ns, NULL);
	world_step(findings->world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, now_ns, NULL);
	world_step(findings->world, cookie, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, now_ns, &server);
}

static void repeat(struct findings *findings, const char *peer, uint64_t cookie, __u8 timeouts)
{
	struct event_flow flow = flow_from(peer, cookie);
	struct event_segment e = make_segment(cookie, &flow, SEGMENT_REPEATED, TCP_LAST_ACK,
					      findings->kernel.now_ns);

	e.timeouts = timeouts;
	e.unacknowledged = 1;
	world_feed_segment(findings->world, &e);
}

/* So many seconds pass; the FINs are sent again after 1, 2, 4, 8 and 16 of them. */
static void pass(struct findings *findings, const char *peer, uint64_t count, unsigned int seconds)
{
	__u8 timeouts = 0;

	for (unsigned int second = 1; second <= seconds; second++) {
		findings_pass(findings, 1);
		if (second & (second - 1))
			continue;
		timeouts++;
		for (uint64_t cookie = 1; cookie <= count; cookie++)
			repeat(findings, peer, cookie, timeouts);
	}
}

static void a_neighbour_that_is_silent(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_flow flow = flow_from("192.168.7.8", 1);
	const struct finding *finding;

	(void)state;
	last_ack(findings, "192.168.7.8", 1);
	pass(findings, "192.168.7.8", 1, 9);
	assert_int_equal(findings->count, 0);
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings->kernel.scans, 0);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_LAST_ACK_STUCK);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_int_equal(finding->place, PLACE_REMOTE);
	assert_int_equal(finding->flow.remote_port, 0);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "count", 1);
	assert_evidence(finding, "oldest", 10 * NS_PER_S);
	assert_evidence(finding, "retransmits", 4);
	assert_evidence(finding, "unacknowledged", 1);
	/* The ACK comes after all. */
	world_step(findings->world, 1, &flow, TCP_LAST_ACK, TCP_CLOSE, findings->kernel.now_ns,
		   NULL);
	findings_pass(findings, 10);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

static size_t found_of(const char *peer, uint64_t count)
{
	struct findings *findings = findings_new(&everything);
	size_t found;

	for (uint64_t cookie = 1; cookie <= count; cookie++)
		last_ack(findings, peer, cookie);
	pass(findings, peer, count, 20);
	found = findings->count;
	if (found) {
		assert_evidence(findings_note(findings, 0), "count", count);
		assert_int_equal(findings_note(findings, 0)->severity,
				 count < 10 ? SEVERITY_INFO : SEVERITY_WARNING);
	}
	findings_free(findings);
	return found;
}

/* Phones go out of reach; a browser has six connections. */
static void few_out_in_the_internet_are_weather(void **state)
{
	static const char *const far[] = {"203.0.113.9", "172.32.0.1", "2001:db8::1", "11.0.0.1"};
	static const char *const near[] = {"10.1.2.3", "172.31.0.1", "127.0.0.1",   "fd00::1",
					   "fe80::1",  "::1",	     "169.254.1.1", "192.168.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		assert_int_equal(found_of(far[i], 9), 0);
		assert_int_equal(found_of(far[i], 10), 1);
	}
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++)
		assert_int_equal(found_of(near[i], 1), 1);
}

/* A large answer to a slow reader, without a segment lost, or with one now and then. */
static void a_slow_reader_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	last_ack(findings, "10.0.0.2", 1);
	last_ack(findings, "10.0.0.2", 2);
	for (unsigned int second = 0; second < 60; second++) {
		repeat(findings, "10.0.0.2", 2, 1);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* The path was cut for a while, and heals: no more is repeated, the rest is on its way. */
static void a_path_that_heals_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	last_ack(findings, "10.0.0.2", 1);
	repeat(findings, "10.0.0.2", 1, 3);
	findings_pass(findings, 1);
	repeat(findings, "10.0.0.2", 1, 4);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_that_is_silent),
		cmocka_unit_test(few_out_in_the_internet_are_weather),
		cmocka_unit_test(a_slow_reader_is_none),
		cmocka_unit_test(a_path_that_heals_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
