// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "findings.h"

static const struct change sent = {.role = ROLE_CLIENT,
				   .from = TCP_ESTABLISHED,
				   .cause = CAUSE_ABORT,
				   .loss = RESET_LOST_DATA};
static const struct change received = {.role = ROLE_SERVER,
				       .from = TCP_ESTABLISHED,
				       .cause = CAUSE_RESET_RECEIVED,
				       .loss = RESET_UNANSWERED};
static const struct change by_fin = {.role = ROLE_SERVER, .from = TCP_LAST_ACK, .cause = CAUSE_FIN};

/* So many connections of nginx at port 80 of 10.0.0.1 end now, all like this one. */
static void end(struct findings *findings, unsigned int count, const struct change *like)
{
	struct event_flow wire = server_flow(1);
	struct change change = *like;
	struct flow flow;

	flow_read(&flow, &wire, NETNS);
	change.owner = world_process(findings->world, &server);
	change.flow = &flow;
	change.time_ns = findings->kernel.now_ns;
	change.to = TCP_CLOSE;
	for (unsigned int i = 0; i < count; i++)
		finding_watch_changed(findings->watch, &change);
}

static void pass(struct findings *findings, unsigned int seconds, unsigned int resets,
		 const struct change *like, unsigned int fins)
{
	while (seconds--) {
		end(findings, resets, like);
		end(findings, fins, &by_fin);
		findings_pass(findings, 1);
	}
}

static void received_second_after_second(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	pass(findings, 10, 6, &received, 2);
	assert_int_equal(findings->count, 0);
	pass(findings, 1, 6, &received, 2);
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings->kernel.scans, 0);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->id, FINDING_RESET_STORM);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_int_equal(finding->place, PLACE_LOCAL);
	assert_int_equal(finding->flow.local_port, 80);
	assert_string_equal(finding->process->comm, "nginx");
	assert_evidence(finding, "sent", 0);
	assert_evidence(finding, "received", 66);
	assert_evidence(finding, "lost_data", 0);
	assert_evidence(finding, "unanswered", 66);
	assert_evidence(finding, "harmless", 0);
	assert_non_null(strstr(finding->says, "before they are answered"));
	assert_evidence(finding, "lasts", 10 * NS_PER_S);
	assert_true(finding_evidence(finding, "rate")->rate == 6);
	assert_true(finding_evidence(finding, "share_of_ends")->rate == 75);
	assert_non_null(strstr(finding->advice, "The peer resets"));
	/* It is over; the next one is another one. */
	findings_pass(findings, 20);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	pass(findings, 11, 5, &received, 0);
	assert_int_equal(findings->count, 3);
	assert_evidence(findings_note(findings, 2), "received", 55);
	findings_free(findings);
}

static void sent_by_a_client(void **state)
{
	struct findings *findings = findings_new(&everything);
	const struct finding *finding;

	(void)state;
	pass(findings, 11, 50, &sent, 0);
	assert_int_equal(findings->count, 1);
	finding = findings_note(findings, 0);
	assert_int_equal(finding->place, PLACE_REMOTE);
	assert_evidence(finding, "sent", 550);
	assert_evidence(finding, "received", 0);
	assert_evidence(finding, "lost_data", 550);
	assert_evidence(finding, "unanswered", 0);
	assert_non_null(strstr(finding->says, "data is lost"));
	assert_non_null(strstr(finding->advice, "This process resets"));
	assert_non_null(strstr(finding->advice, "SO_LINGER"));
	findings_free(findings);
}

/* Resets that take nothing away are counted, and make a storm weaker like other ends do. */
static void among_harmless_ones(void **state)
{
	static const struct change check = {
		.role = ROLE_SERVER, .from = TCP_ESTABLISHED, .cause = CAUSE_RESET_RECEIVED};
	struct findings *findings = findings_new(&everything);

	(void)state;
	for (unsigned int i = 0; i < 11; i++) {
		end(findings, 10, &received);
		end(findings, 4, &check);
		findings_pass(findings, 1);
	}
	assert_int_equal(findings->count, 1);
	assert_evidence(findings_note(findings, 0), "received", 110);
	assert_in_range(finding_evidence(findings_note(findings, 0), "harmless")->count, 40, 44);
	assert_true(finding_evidence(findings_note(findings, 0), "share_of_ends")->rate < 75);
	findings_free(findings);
}

/* It was a storm for an hour: what counts is how it is now. */
static void a_storm_that_calms_down_is_over(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	pass(findings, 600, 500, &received, 0);
	assert_int_equal(findings->count, 1);
	pass(findings, 30, 6, &received, 60);
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings_note(findings, 1)->status, FINDING_OVER);
	findings_free(findings);
}

static void healthy_ones(void **state)
{
	static const struct change refused = {
		.role = ROLE_CLIENT, .from = TCP_SYN_SENT, .cause = CAUSE_REFUSED};
	static const struct change scanned = {
		.role = ROLE_SERVER, .from = TCP_SYN_RECV, .cause = CAUSE_RESET_RECEIVED};
	static const struct change check = {
		.role = ROLE_SERVER, .from = TCP_ESTABLISHED, .cause = CAUSE_RESET_RECEIVED};
	struct findings *findings = findings_new(&everything);

	(void)state;
	pass(findings, 60, 50, &check, 0);     /* nothing is taken away */
	pass(findings, 60, 0, &received, 100); /* all by FIN */
	pass(findings, 60, 40, &received, 60); /* a part of all */
	findings_pass(findings, 10);
	pass(findings, 60, 4, &received, 0); /* broken clients */
	pass(findings, 60, 50, &refused, 0); /* never were connections */
	pass(findings, 60, 50, &scanned, 0);
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

static void a_program_that_ends_is_no_storm(void **state)
{
	struct findings *findings = findings_new(&everything);

	(void)state;
	pass(findings, 30, 1, &received, 0);
	pass(findings, 2, 10000, &received, 0);
	pass(findings, 30, 1, &received, 0);
	/* ... nor is one that is started and killed again and again. */
	for (unsigned int i = 0; i < 10; i++) {
		pass(findings, 1, 1000, &received, 0);
		findings_pass(findings, 6);
	}
	assert_int_equal(findings->count, 0);
	findings_free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received_second_after_second),
		cmocka_unit_test(sent_by_a_client),
		cmocka_unit_test(among_harmless_ones),
		cmocka_unit_test(a_storm_that_calms_down_is_over),
		cmocka_unit_test(healthy_ones),
		cmocka_unit_test(a_program_that_ends_is_no_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
