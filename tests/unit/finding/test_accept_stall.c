// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

#define LISTENER 5000
#define OTHER	 5001

static const struct event_task second = {.start_ns = 7, .tgid = 201, .comm = "worker2"};

/* Adds a listener on port 80. Returns its record for scans. */
static struct event_scan *listen_at(struct findings *findings, uint64_t cookie,
				    const struct event_task *task)
{
	struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	struct event_scan scan = make_scan(cookie, &flow, TCP_LISTEN, NULL, 0, START_NS);

	world_step(findings->world, cookie, &flow, TCP_CLOSE, TCP_LISTEN, START_NS, task);
	scan.send_queue = 128;
	return findings_know(findings, &scan);
}

/* Connections arrive now. */
static void come(struct findings *findings, uint64_t first, uint64_t last)
{
	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_flow flow = server_flow(cookie);

		world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
			   findings->kernel.now_ns, NULL);
	}
}

/* Scans show these connections as not accepted, in the queue of a listener (0: not told). */
static void wait_at(struct findings *findings, uint64_t listener, uint64_t first, uint64_t last)
{
	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_flow flow = server_flow(cookie);
		struct event_scan scan =
			make_scan(cookie, &flow, TCP_ESTABLISHED, NULL, 0, START_NS);

		scan.flow.flags = 0; /* no EVENT_SK_SOCKET */
		findings_know(findings, &scan);
		findings->queue_of[findings->known_count - 1] = listener;
	}
}

static void wait_there(struct findings *findings, uint64_t first, uint64_t last)
{
	wait_at(findings, LISTENER, first, last);
}

static void accepted_ones_are_none(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_at(findings, LISTENER, &server);
	come(findings, 1, 20);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	/* Asked once; all that are older have been accepted. */
	assert_int_equal(findings->kernel.scans, 1);
	assert_int_equal(findings->kernel.asked.states, 1u << TCP_LISTEN);
	assert_false(findings->kernel.asked.descriptors);
	come(findings, 21, 21);
	findings_pass(findings, 60);
	assert_int_equal(findings->kernel.scans, 2);
	findings_free(findings);
}

static void who_is_known_to_accept_is_not_suspected(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	listen_at(findings, LISTENER, &server);
	come(findings, 1, 20);
	for (uint64_t cookie = 1; cookie <= 20; cookie++) {
		struct event_flow flow = server_flow(cookie);
		struct event_accept e = make_accept(cookie, &flow, TCP_ESTABLISHED,
						    findings->kernel.now_ns, &server);

		world_feed_accept(findings->world, &e);
	}
	findings_pass(findings, 60);
	assert_int_equal(findings->kernel.scans, 0);
	findings_free(findings);
}

static void who_waits_for_long_is_a_stall(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server);
	const struct finding *finding;

	(void)state;
	come(findings, 1, 20);
	listener->recv_queue = 4;
	wait_there(findings, 17, 20);
	findings_pass(findings, 4);
	assert_int_equal(findings->count, 0);
	findings_pass(findings, 8);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_ACCEPT_STALL);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_int_equal(finding->place, PLACE_LOCAL);
	assert_int_equal(finding->flow.local_port, 80);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "queue", 4);
	assert_evidence(finding, "limit", 128);
	assert_evidence(finding, "full", false);
	assert_in_range(finding_evidence(finding, "oldest")->count, 5 * NS_PER_S, 8 * NS_PER_S);
	assert_false(finding_evidence(finding, "oldest")->at_least);
	assert_no_evidence(finding, "peers_gave_up");
	assert_no_evidence(finding, "somaxconn");
	/* Accepted at last. */
	listener->recv_queue = 0;
	findings->known_count = 1;
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

/* The queue is never empty, but always of others. */
static void a_busy_queue_is_none(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server);

	(void)state;
	listener->recv_queue = 10;
	for (uint64_t second_now = 0; second_now < 30; second_now++) {
		uint64_t first = 1 + second_now * 10;

		come(findings, first, first + 9);
		findings->known_count = 1;
		wait_there(findings, first, first + 9);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 0);
	assert_true(findings->kernel.scans > 5);
	findings_free(findings);
}

static void two_may_wait_by_intent(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server);

	(void)state;
	come(findings, 1, 2);
	listener->recv_queue = 2;
	wait_there(findings, 1, 2);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void full_is_critical(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server);
	const struct finding *finding;

	(void)state;
	listener->send_queue = 9;
	listener->recv_queue = 10;
	/* New ones all the time: it accepts, too slowly. */
	for (uint64_t second_now = 0; second_now < 15; second_now++) {
		uint64_t first = 1 + second_now * 10;

		come(findings, first, first + 9);
		findings->known_count = 1;
		wait_there(findings, first, first + 9);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->severity, SEVERITY_CRITICAL);
	assert_evidence(finding, "queue", 10);
	assert_evidence(finding, "limit", 9);
	assert_evidence(finding, "full", true);
	assert_evidence(finding, "somaxconn", 4096);
	assert_non_null(strstr(finding->says, "full"));
	assert_non_null(strstr(finding->advice, "accepts, but more slowly"));
	findings_free(findings);
}

/* Of two that listen there (SO_REUSEPORT) one is stuck. */
static void the_stuck_one_of_two(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *stuck = listen_at(findings, LISTENER, &server);
	struct event_scan *busy = listen_at(findings, OTHER, &second);
	const struct finding *finding;

	(void)state;
	stuck->recv_queue = 6;
	busy->recv_queue = 4;
	come(findings, 1, 6);
	for (uint64_t second_now = 0; second_now < 12; second_now++) {
		uint64_t first = 100 + second_now * 4;

		come(findings, first, first + 3);
		findings->known_count = 2;
		wait_at(findings, LISTENER, 1, 6);
		wait_at(findings, OTHER, first, first + 3);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "queue", 6);
	assert_in_range(finding_evidence(finding, "oldest")->count, 5 * NS_PER_S, 8 * NS_PER_S);
	assert_false(finding_evidence(finding, "oldest")->at_least);
	findings_free(findings);
}

/* Only the first connections of long queues are told: what waits behind is nobody's. */
static void behind_two_long_queues_nobody_is_guessed(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *one = listen_at(findings, LISTENER, &server);
	struct event_scan *other = listen_at(findings, OTHER, &second);

	(void)state;
	one->recv_queue = 20;
	other->recv_queue = 20;
	come(findings, 1, 20);
	wait_at(findings, 0, 1, 20);
	findings_pass(findings, 30);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

/* -p of another process: the connections have no owner, so they may be its own. */
static void of_a_watched_process_only(void **state)
{
	static uint32_t pid = 201;
	const struct options options = {.pids = &pid, .pid_count = 1};
	struct findings *findings = findings_new(&options);
	struct event_scan *stuck = listen_at(findings, LISTENER, &server);

	(void)state;
	stuck->recv_queue = 6;
	listen_at(findings, OTHER, &second);
	come(findings, 1, 12);
	wait_at(findings, LISTENER, 1, 6);
	wait_at(findings, OTHER, 7, 12);
	findings_pass(findings, 12);
	assert_int_equal(findings->count, 0);
	findings->known[1].recv_queue = 6;
	findings_pass(findings, 12);
	assert_int_equal(findings->count, 1);
	assert_string_equal(findings_note(findings, 0)->process->comm, "worker2");
	assert_evidence(findings_note(findings, 0), "queue", 6);
	findings_free(findings);
}

/* The process that called listen() has handed the listener on. */
static void whoever_holds_the_listener(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server), held;

	(void)state;
	listener->recv_queue = 6;
	held = *listener;
	held.header.kind = EVENT_SCAN_FD;
	held.task = second;
	findings_know(findings, &held);
	come(findings, 1, 6);
	wait_there(findings, 1, 6);
	findings_pass(findings, 12);
	assert_int_equal(findings->count, 1);
	assert_string_equal(findings_note(findings, 0)->process->comm, "worker2");
	findings_free(findings);
}

/* Nobody is seen to hold it: it is in transit, or in an io_uring; its owner runs, or has ended. */
static void an_ended_owner_is_not_named(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		struct findings *findings = findings_new(&everything);
		struct event_scan *listener = listen_at(findings, LISTENER, &server);

		findings->kernel.ended = ended ? server.tgid : 0;
		listener->recv_queue = 6;
		come(findings, 1, 6);
		wait_there(findings, 1, 6);
		findings_pass(findings, 12);
		assert_int_equal(findings->count, 1);
		assert_int_equal(!findings_note(findings, 0)->process, ended);
		findings_free(findings);
	}
}

#define SPACES	 40
#define SPACE(i) (OTHER_NETNS + (i))

/* In each of many network namespaces a process has a listener, and four connections come to it. */
static void come_everywhere(struct findings *findings, bool accepted)
{
	static struct event_task tasks[SPACES];

	for (uint32_t i = 0; i < SPACES; i++) {
		struct event_flow flow = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
		uint64_t listener = LISTENER + i;
		struct event_transition e =
			make_transition(listener, &flow, TCP_CLOSE, TCP_LISTEN, START_NS);
		struct event_scan scan;

		tasks[i] =
			(struct event_task){.start_ns = 1000 + i, .tgid = 300 + i, .comm = "pod"};
		e.header.netns = SPACE(i);
		make_actor(&e, &tasks[i]);
		world_feed(findings->world, &e);
		scan = make_scan(listener, &flow, TCP_LISTEN, &tasks[i], 3, START_NS);
		scan.header.netns = SPACE(i);
		scan.recv_queue = accepted ? 0 : 4;
		scan.send_queue = 128;
		findings_know(findings, &scan);
		for (uint64_t cookie = 1 + i * 10; cookie <= 4 + i * 10; cookie++) {
			flow = server_flow(cookie);
			e = make_transition(cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
					    findings->kernel.now_ns);
			e.header.netns = SPACE(i);
			world_feed(findings->world, &e);
			scan = make_scan(cookie, &flow, TCP_ESTABLISHED, NULL, 0, START_NS);
			scan.header.netns = SPACE(i);
			scan.flow.flags = 0;
			if (accepted)
				continue;
			findings_know(findings, &scan);
			findings->queue_of[findings->known_count - 1] = listener;
		}
	}
	/* Reading the tables of each of them costs more than all descriptors together. */
	findings->plan.pace.descriptors_ns = 2 * NS_PER_MS;
	findings->plan.pace.table_ns = 2 * NS_PER_MS;
}

/* All stall at once: no table is read, and all are told in time. */
static void stalls_in_many_namespaces(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	come_everywhere(findings, false);
	for (int i = 0; i < 10; i++) {
		findings_pass(findings, 1);
		assert_false(scan_request_tables(&findings->kernel.asked));
	}
	assert_int_equal(findings->count, SPACES);
	for (size_t i = 0; i < SPACES; i++) {
		const struct finding *finding = findings_note(findings, i);

		assert_int_equal(finding->process->tgid - 300, finding->flow.netns - SPACE(0));
		assert_evidence(finding, "queue", 4);
		assert_in_range(finding_evidence(finding, "oldest")->count, 5 * NS_PER_S,
				9 * NS_PER_S);
	}
	findings_free(findings);
}

/* What the descriptors showed may have been accepted before the answer is judged. */
static void accepted_meanwhile_in_many_namespaces(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	come_everywhere(findings, false);
	for (uint64_t i = 0; i < SPACES; i++)
		for (uint64_t cookie = 1 + i * 10; cookie <= 4 + i * 10; cookie++)
			world_find(findings->world, cookie)->owner_source = OWNER_ACCEPT;
	come(findings, 5000000, 5000003); /* somebody is suspected */
	findings_pass(findings, 20);
	assert_true(findings->kernel.asked.queues);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void accepted_ones_in_many_namespaces(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	come_everywhere(findings, true);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.scans, 1);
	findings_free(findings);
}

/* Scans no longer succeed, so the last result is out of date. */
static void no_answer_is_no_evidence(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_scan *listener = listen_at(findings, LISTENER, &server);

	(void)state;
	come(findings, 1, 4);
	listener->recv_queue = 4;
	wait_there(findings, 1, 4);
	findings_pass(findings, 12);
	assert_int_equal(findings->count, 1);
	findings->kernel.scan_error = -EIO;
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_ones_are_none),
		cmocka_unit_test(who_is_known_to_accept_is_not_suspected),
		cmocka_unit_test(who_waits_for_long_is_a_stall),
		cmocka_unit_test(a_busy_queue_is_none),
		cmocka_unit_test(two_may_wait_by_intent),
		cmocka_unit_test(full_is_critical),
		cmocka_unit_test(the_stuck_one_of_two),
		cmocka_unit_test(behind_two_long_queues_nobody_is_guessed),
		cmocka_unit_test(of_a_watched_process_only),
		cmocka_unit_test(whoever_holds_the_listener),
		cmocka_unit_test(an_ended_owner_is_not_named),
		cmocka_unit_test(stalls_in_many_namespaces),
		cmocka_unit_test(accepted_meanwhile_in_many_namespaces),
		cmocka_unit_test(accepted_ones_in_many_namespaces),
		cmocka_unit_test(no_answer_is_no_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
