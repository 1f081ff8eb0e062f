// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

#define LISTENER 5000

static const struct event_task second = {.start_ns = 7, .tgid = 201, .comm = "worker2"};

static void listen_by(struct findings *findings, uint64_t cookie, const struct event_task *task,
		      uint32_t backlog)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_scan scan = make_scan(cookie, &flow, TCP_LISTEN, NULL, 0, START_NS);

	world_step(findings->world, cookie, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, task);
	scan.send_queue = backlog;
	findings_know(findings, &scan);
}

static struct event_flow peer_flow(unsigned int number, bool same)
{
	char remote[32];

	snprintf(remote, sizeof(remote), "10.2.0.%u", same ? 1 : number % 200);
	return make_flow("10.0.0.1", 80, remote, (uint16_t)(2000 + number));
}

static void repeat_synacks(struct findings *findings, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct event_flow flow = peer_flow(i, false);
		struct event_segment e = make_segment(LISTENER, &flow, SEGMENT_SYNACK_REPEATED,
						      TCP_SYN_RECV, findings->kernel.now_ns);

		world_feed_segment(findings->world, &e);
	}
}

/* Those of the kernel's tables that are half open. */
static void be_half_open(struct findings *findings, unsigned int count, uint64_t age_ms, bool same)
{
	for (unsigned int i = 0; i < count; i++) {
		struct event_flow flow = peer_flow(i, same);
		struct event_scan scan =
			make_scan_mini(10000 + findings->known_count, &flow, TCP_SYN_RECV,
				       age_ms * 1000, findings->kernel.now_ns);

		findings_know(findings, &scan);
	}
}

static void complete(struct findings *findings, uint64_t first, unsigned int count)
{
	for (uint64_t cookie = first; cookie < first + count; cookie++) {
		struct event_flow flow = server_flow(cookie);

		world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
			   findings->kernel.now_ns, NULL);
		finding_watch_changed(
			findings->watch,
			&findings->world->changes[findings->world->change_count - 1].change);
		world_step(findings->world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE,
			   findings->kernel.now_ns, NULL);
		findings->world->change_count = 0;
	}
}

static void pass_with_synacks(struct findings *findings, unsigned int seconds, unsigned int count)
{
	while (seconds--) {
		repeat_synacks(findings, count);
		findings_pass(findings, 1);
	}
}

static void a_flood(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	listen_by(findings, LISTENER, &server, 128);
	be_half_open(findings, 40, 2500, false);
	be_half_open(findings, 20, 500, false);
	pass_with_synacks(findings, 5, 50);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.asked.mini_states, 1u << TCP_SYN_RECV);
	assert_int_equal(findings->kernel.asked.states, 1u << TCP_LISTEN);
	assert_false(findings->kernel.asked.descriptors);
	pass_with_synacks(findings, 5, 50);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_SYN_FLOOD);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_int_equal(finding->place, PLACE_LOCAL);
	assert_int_equal(finding->flow.local_port, 80);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "count", 60);
	assert_evidence(finding, "oldest", 2500 * NS_PER_MS);
	assert_evidence(finding, "limit", 128);
	assert_evidence(finding, "one_address", false);
	assert_evidence_text(finding, "syncookies", "when the queue is full");
	assert_no_evidence(finding, "max_syn_backlog");
	assert_true(finding_evidence(finding, "rate")->rate == 20);
	assert_true(finding_evidence(finding, "synack_retransmits")->rate == 50);
	findings->known_count = 1;
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

/* TCP_DEFER_ACCEPT: the kernel repeats a SYN-ACK that was acknowledged, and that is no suspicion.
 */
static void silent_clients_are_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 128);
	be_half_open(findings, 100, 2500, false);
	for (size_t i = 1; i < findings->known_count; i++)
		findings->known[i].flow.flags = EVENT_ACKED;
	for (unsigned int second = 0; second < 20; second++) {
		for (unsigned int i = 0; i < 20; i++) {
			struct event_flow flow = peer_flow(i, false);
			struct event_segment e =
				make_segment(LISTENER, &flow, SEGMENT_SYNACK_REPEATED, TCP_SYN_RECV,
					     findings->kernel.now_ns);

			e.flow.flags = EVENT_ACKED;
			world_feed_segment(findings->world, &e);
		}
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->kernel.scans, 0);
	assert_int_equal(findings->count, 0);
	/* ... nor are they part of a flood, but for the room that they take. */
	be_half_open(findings, 40, 2500, true);
	findings->kernel.settings = NET_SETTINGS_DEFAULT;
	findings->kernel.settings.syncookies = 0;
	pass_with_synacks(findings, 9, 50);
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "count", 40);
	assert_evidence(findings_note(findings, 0), "acknowledged", 100);
	assert_evidence(findings_note(findings, 0), "one_address", true);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_CRITICAL);
	findings_free(findings);
}

/* No SYN-ACK is retransmitted, so no scan is wanted. */
static void a_burst_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 128);
	be_half_open(findings, 100, 100, false);
	findings_pass(findings, 30);
	assert_int_equal(findings->kernel.scans, 0);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* An outage of a second and a half: all SYN-ACKs are sent once more, and then answered. */
static void a_short_outage_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 128);
	be_half_open(findings, 100, 2400, false);
	pass_with_synacks(findings, 4, 50);
	findings->known_count = 1;
	findings_pass(findings, 30);
	assert_true(findings->kernel.scans > 0);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* A hundred a second come in; of bad links some are always old. */
static void bad_links_of_a_busy_server(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 4096);
	be_half_open(findings, 45, 2500, false);
	for (uint64_t i = 0; i < 20; i++) {
		complete(findings, 20000 + i * 100, 100);
		pass_with_synacks(findings, 1, 20);
	}
	assert_true(findings->kernel.scans > 3);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* The final ACKs are dropped because the process does not accept: that is accept-stall. */
static void a_full_accept_queue_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 64);
	findings->known[0].recv_queue = 65;
	be_half_open(findings, 64, 2500, false);
	pass_with_synacks(findings, 20, 20);
	for (size_t i = 0; i < findings->count; i++)
		assert_int_not_equal(findings_note(findings, i)->id, FINDING_SYN_FLOOD);
	findings_free(findings);
}

/* A queue of 16 holds no more; it is a host of one address. */
static void a_small_queue(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	listen_by(findings, LISTENER, &server, 16);
	be_half_open(findings, 16, 2500, true);
	pass_with_synacks(findings, 9, 10);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_evidence(finding, "count", 16);
	assert_evidence(finding, "one_address", true);
	assert_non_null(strstr(finding->advice, "one address"));
	findings_free(findings);
}

/* Two processes share the port: none is blamed. */
static void a_shared_port(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_by(findings, LISTENER, &server, 128);
	listen_by(findings, LISTENER + 1, &second, 128);
	be_half_open(findings, 60, 2500, false);
	pass_with_synacks(findings, 9, 50);
	assert_int_equal(findings->count, 1);
	assert_null(findings_note(findings, 0)->process);
	assert_evidence(findings_note(findings, 0), "limit", 256);
	findings_free(findings);
}

static void without_cookies_it_is_critical(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	findings->kernel.settings = NET_SETTINGS_DEFAULT;
	findings->kernel.settings.syncookies = 0;
	findings->kernel.settings.max_syn_backlog = 64;
	listen_by(findings, LISTENER, &server, 128);
	be_half_open(findings, 48, 2500, false);
	pass_with_synacks(findings, 9, 50);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings_note(findings, 0)->severity, SEVERITY_CRITICAL);
	assert_evidence_text(findings_note(findings, 0), "syncookies", "off");
	assert_evidence(findings_note(findings, 0), "max_syn_backlog", 64);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood),
		cmocka_unit_test(silent_clients_are_none),
		cmocka_unit_test(a_burst_is_none),
		cmocka_unit_test(a_short_outage_is_none),
		cmocka_unit_test(bad_links_of_a_busy_server),
		cmocka_unit_test(a_full_accept_queue_is_none),
		cmocka_unit_test(a_small_queue),
		cmocka_unit_test(a_shared_port),
		cmocka_unit_test(without_cookies_it_is_critical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
