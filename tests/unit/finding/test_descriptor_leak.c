// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

#include "finding/closed_table.h"

static const struct event_task client = {.start_ns = 7, .tgid = 300, .comm = "curl"};

#define OTHERS 1000 /* cookies of sockets that are not in CLOSE */

static struct event_flow flow_of(uint64_t cookie, uint16_t local_port)
{
	return make_flow("10.0.0.1", local_port ? local_port : (uint16_t)(1024 + cookie),
			 "10.0.0.2", 80);
}

/* The peer resets so many connections of the process, which holds them as fd 3 and so on. */
static void reset(struct findings *findings, const struct event_task *task, uint16_t local_port,
		  uint64_t count)
{
	for (uint64_t cookie = 1; cookie <= count; cookie++) {
		struct event_flow flow = flow_of(cookie, local_port);
		struct event_scan record =
			make_scan(cookie, &flow, TCP_CLOSE, task, 2 + (uint32_t)cookie, START_NS);
		struct event_transition e =
			make_transition(cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE, START_NS);

		world_step(findings->world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS,
			   NULL);
		e.error = 104;
		e.flow.flags |= EVENT_SK_SOCKET;
		world_feed(findings->world, &e);
		record.write_seq = 5000;
		findings_know(findings, &record);
	}
}

static size_t found(const struct event_task *task, uint16_t local_port, uint64_t count)
{
	struct findings *findings = findings_new(&everything);
	struct event_flow listener = make_flow("0.0.0.0", 80, "0.0.0.0", 0);
	size_t found;

	world_step(findings->world, OTHERS, &listener, TCP_CLOSE, TCP_LISTEN, START_NS, &server);
	reset(findings, task, local_port, count);
	findings_pass(findings, 60);
	found = findings->count;
	findings_free(findings);
	return found;
}

static void many_are_found_and_end(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	reset(findings, &client, 0, 101);
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.scans, 2);
	findings_pass(findings, 1);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_DESCRIPTOR_LEAK);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_int_equal(finding->place, PLACE_NONE);
	assert_int_equal(finding->process->tgid, client.tgid);
	assert_evidence(finding, "count", 101);
	assert_evidence(finding, "oldest", 20 * NS_PER_S);
	assert_evidence_text(finding, "descriptors", "3, 4, 5 and 98 more");
	assert_no_evidence(finding, "accepted");
	/* It goes on as long as they are held. */
	findings_pass(findings, 120);
	assert_int_equal(findings->count, 1);
	findings->known_count = 0;
	findings_pass(findings, 21);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings->kernel.scans = 0;
	findings_pass(findings, 60);
	assert_int_equal(findings->kernel.scans, 0);
	findings_free(findings);
}

static void a_pool_may_have_some(void **state)
{
	(void)state;
	assert_int_equal(found(&client, 0, 100), 0);
	assert_int_equal(found(&client, 0, 101), 1);
}

static void who_accepted_has_no_pool(void **state)
{
	(void)state;
	assert_int_equal(found(&server, 80, 9), 0);
	assert_int_equal(found(&server, 80, 10), 1);
}

static void what_was_never_connected_is_not_counted(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	reset(findings, &client, 0, 300);
	for (size_t i = 0; i < findings->known_count; i++)
		findings->known[i].write_seq = 0;
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	assert_int_equal(findings->kernel.scans, 1);
	findings_free(findings);
}

static void who_closes_or_connects_again_is_not_named(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	reset(findings, &client, 0, 300);
	findings_pass(findings, 2);
	findings->known_count = 0;
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	findings_free(findings);

	findings = findings_new(&everything);
	reset(findings, &client, 0, 300);
	for (unsigned int second = 0; second < 60; second++) {
		for (size_t i = 0; i < findings->known_count; i++)
			findings->known[i].write_seq += 100;
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void strangers_are_not_named(void **state)
{
	static uint32_t pids[] = {4711};
	static const struct options of_another = {.pids = pids, .pid_count = 1};
	struct findings *findings = findings_new(&of_another);

	(void)state;
	reset(findings, &client, 0, 300);
	findings_pass(findings, 60);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void a_host_without_such_ends_is_not_scanned(void **state)
{
	struct findings *findings = findings_new(&everything);
	struct event_flow flow = flow_of(1, 0);

	(void)state;
	world_step(findings->world, 1, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, START_NS, NULL);
	world_step(findings->world, 1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS, NULL);
	world_step(findings->world, 1, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, START_NS, &server);
	flow.flags |= EVENT_DEAD;
	world_step(findings->world, 1, &flow, TCP_LAST_ACK, TCP_CLOSE, START_NS, NULL);
	findings_pass(findings, 60);
	assert_int_equal(findings->kernel.scans, 0);
	findings_free(findings);
}

static void the_table_has_a_limit(void **state)
{
	struct closed_table *table = closed_table_new();

	(void)state;
	assert_non_null(table);
	for (uint64_t cookie = 1; cookie <= CLOSED_TABLE_LIMIT; cookie++)
		assert_true(closed_table_see(table, cookie, 1, START_NS) == START_NS);
	assert_true(closed_table_see(table, CLOSED_TABLE_LIMIT + 1, 1, START_NS) == 0);
	closed_table_scanned(table);
	assert_true(closed_table_see(table, 7, 1, START_NS + 1) == START_NS);
	assert_true(closed_table_see(table, 8, 2, START_NS + 1) == START_NS + 1);
	closed_table_scanned(table);
	assert_int_equal(closed_table_count(table), 2);
	closed_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_found_and_end),
		cmocka_unit_test(a_pool_may_have_some),
		cmocka_unit_test(who_accepted_has_no_pool),
		cmocka_unit_test(what_was_never_connected_is_not_counted),
		cmocka_unit_test(who_closes_or_connects_again_is_not_named),
		cmocka_unit_test(strangers_are_not_named),
		cmocka_unit_test(a_host_without_such_ends_is_not_scanned),
		cmocka_unit_test(the_table_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
