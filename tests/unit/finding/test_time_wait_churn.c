// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "look.h"

#define PORT_LOW 40000

/* A range of 200 ports. */
static struct look *small_range(void)
{
	struct look *look = look_new(&everything);

	look->kernel.settings.port_low = PORT_LOW;
	look->kernel.settings.port_high = PORT_LOW + 199;
	look->kernel.settings.ports = 200;
	return look;
}

static struct event_flow flow_of(uint64_t cookie, const char *remote)
{
	return make_flow("10.0.0.2", (uint16_t)(PORT_LOW + cookie % 200), remote, 80);
}

static void visit(struct look *look, uint64_t cookie, const char *remote, bool bound)
{
	struct event_flow flow = flow_of(cookie, remote);

	look_open(look, cookie, flow, bound, &client);
	look_close(look, cookie, flow, &client);
}

/* `rate` connections a second, for so long. */
static void churn(struct look *look, uint64_t *cookie, unsigned int rate, unsigned int seconds,
		  bool bound)
{
	for (unsigned int i = 0; i < rate * seconds; i++) {
		visit(look, ++*cookie, "10.0.0.1", bound);
		look_pass(look, NS_PER_S / rate);
	}
}

static void forecast(void **state)
{
	struct look *look = small_range();
	const struct finding *found = &look->found;
	char place[FINDING_PLACE_LEN];
	uint64_t cookie = 0, left_ns, used;

	(void)state;
	churn(look, &cookie, 20, 7, false);
	assert_int_equal(look->found_count, 1);
	assert_int_equal(found->id, FINDING_TIME_WAIT_CHURN);
	assert_int_equal(found->severity, SEVERITY_CRITICAL);
	assert_non_null(found->process);
	assert_string_equal(found->process->comm, "curl");
	assert_string_equal(finding_format_place(found, place), "10.0.0.2 -> 10.0.0.1:80");
	used = evidence_count(found, "ports_in_use");
	assert_in_range(used, 50, 140);
	assert_int_equal(evidence_count(found, "time_wait"), used);
	assert_int_equal(evidence_count(found, "ports"), 200);
	assert_in_range(evidence_rate(found, "connections"), 19, 21);
	assert_int_equal(evidence_rate(found, "top_process_share"), 100);
	assert_string_equal(finding_evidence(found, "top_process")->text, "curl");
	left_ns = START_NS + 10 * NS_PER_S - found->time_ns;
	assert_in_range(evidence_count(found, "exhausted_in"), left_ns * 9 / 10, left_ns * 11 / 10);
	assert_null(finding_evidence(found, "bound"));
	look_free(look);
}

/* A port of bind() serves one connection, whatever its peer is. */
static void bound_to_all(void **state)
{
	static const char *const peers[] = {"10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"};
	struct look *look = small_range();
	char place[FINDING_PLACE_LEN];

	(void)state;
	for (uint64_t i = 1; i < 140; i++) {
		visit(look, i, peers[i % ARRAY_SIZE(peers)], true);
		look_pass(look, NS_PER_S / 20);
	}
	assert_int_equal(look->found_count, 1);
	assert_string_equal(finding_format_place(&look->found, place), "10.0.0.2 -> *");
	assert_int_equal(evidence_count(&look->found, "bound"), 1);
	look_free(look);

	/* ... where connect() chooses it, each peer has all ports. */
	look = small_range();
	for (uint64_t i = 1; i < 140; i++) {
		visit(look, i, peers[i % ARRAY_SIZE(peers)], false);
		look_pass(look, NS_PER_S / 20);
	}
	assert_int_equal(look->found_count, 0);
	look_free(look);
}

static void healthy(void **state)
{
	struct look *look = small_range();
	uint64_t cookie = 0;

	(void)state;
	/* 50 at once. */
	for (int i = 0; i < 50; i++)
		visit(look, ++cookie, "10.0.0.1", false);
	for (int i = 0; i < 30; i++)
		look_pass(look, NS_PER_S);
	assert_true(look->kernel.scans > 0);
	assert_int_equal(look->found_count, 0);
	look_free(look);

	/* 2 a second: TIME_WAIT gives back as many. */
	look = small_range();
	cookie = 0;
	churn(look, &cookie, 2, 180, false);
	assert_true(look->kernel.scans > 0);
	assert_int_equal(look->found_count, 0);
	look_free(look);

	/* connect() takes ports from TIME_WAIT. */
	look = small_range();
	look->kernel.settings.tw_reuse = 1;
	cookie = 0;
	churn(look, &cookie, 20, 30, false);
	assert_int_equal(look->found_count, 0);
	look_free(look);

	/* ... but not without timestamps. */
	look = small_range();
	look->kernel.settings.tw_reuse = 1;
	look->kernel.settings.timestamps = false;
	cookie = 0;
	churn(look, &cookie, 20, 9, false);
	assert_int_equal(look->found_count, 1);
	look_free(look);
}

/* 3 a second fill 180 of 200 ports, and then it stays so. */
static void settles(void **state)
{
	struct look *look = small_range();
	uint64_t cookie = 0;

	(void)state;
	churn(look, &cookie, 3, 120, false);
	assert_int_equal(look->found_count, 1);
	assert_int_equal(look->found.severity, SEVERITY_WARNING);
	assert_null(finding_evidence(&look->found, "exhausted_in"));
	assert_in_range(evidence_count(&look->found, "settles_at"), 170, 185);
	/* It is over when there are no new connections. */
	for (int i = 0; i < 90; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 2);
	assert_int_equal(look->found.status, FINDING_OVER);
	look_free(look);
}

/* Connections that stay, one a second: no TIME_WAIT, and the ports end all the same. */
static void pile_up(void **state)
{
	struct look *look = small_range();
	uint64_t cookie = 0;

	(void)state;
	while (!look->found_count && cookie < 200) {
		cookie++;
		look_open(look, cookie, flow_of(cookie, "10.0.0.1"), false, &client);
		look_pass(look, NS_PER_S);
	}
	assert_in_range(cookie, 65, 80);
	assert_int_equal(look->found.severity, SEVERITY_WARNING);
	assert_int_equal(evidence_count(&look->found, "time_wait"), 0);
	assert_in_range(evidence_count(&look->found, "open"), cookie - 1, cookie);
	assert_non_null(strstr(look->found.says, "open connections hold them"));
	assert_null(strstr(look->found.advice, "Keep connections open"));
	assert_in_range(evidence_count(&look->found, "exhausted_in") / NS_PER_S, 200 - cookie - 15,
			200 - cookie + 15);
	look_free(look);
}

/* What holds the ports decides what is said. */
static void pile_up_in(unsigned int state, const char *says, const char *name, bool bound)
{
	struct look *look = small_range();
	uint64_t cookie = 0;

	while (++cookie <= 170) {
		struct event_flow flow = flow_of(cookie, "10.0.0.1");

		if (state == TCP_SYN_SENT) {
			world_step(look->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT,
				   look->kernel.now_ns, &client);
			continue;
		}
		look_open(look, cookie, flow, bound, &client);
		if (state == TCP_FIN_WAIT2) {
			world_step(look->world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1,
				   look->kernel.now_ns, &client);
			world_step(look->world, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
				   look->kernel.now_ns, NULL);
		} else if (state == TCP_CLOSE_WAIT) {
			world_step(look->world, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT,
				   look->kernel.now_ns, NULL);
		}
	}
	for (int i = 0; i < 3; i++)
		look_pass(look, NS_PER_S);
	assert_int_not_equal(look->found_count, 0);
	assert_non_null(strstr(look->found.says, says));
	assert_int_equal(evidence_count(&look->found, name), 170);
	assert_int_equal(evidence_count(&look->found, "time_wait"), 0);
	assert_null(finding_evidence(&look->found, "connections"));
	assert_null(strstr(look->found.advice, "eep connections open"));
	bound |= state == TCP_SYN_SENT; /* it has its port already */
	assert_true(bound == !!strstr(look->found.advice, "IP_BIND_ADDRESS_NO_PORT"));
	look_free(look);
}

static void holders(void **state)
{
	(void)state;
	pile_up_in(TCP_ESTABLISHED, "open connections", "open", false);
	pile_up_in(TCP_ESTABLISHED, "open connections", "open", true);
	pile_up_in(TCP_FIN_WAIT2, "FIN_WAIT2", "fin_wait2", false);
	pile_up_in(TCP_CLOSE_WAIT, "the other side has closed", "close_wait", false);
	pile_up_in(TCP_SYN_SENT, "no answer", "syn_sent", false);
}

static void fail_connect(struct look *look, uint64_t cookie, uint32_t port_range)
{
	struct event_flow flow = make_flow("10.0.0.2", 0, "10.0.0.1", 80);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_SYN_SENT, TCP_CLOSE, look->kernel.now_ns);

	world_step(look->world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, look->kernel.now_ns,
		   &client);
	make_actor(&e, &client);
	e.port_range = port_range;
	world_feed(look->world, &e);
}

/* A range of the socket's own: ten ports. */
static void own_range(void **state)
{
	struct look *look = small_range();
	uint32_t range = (PORT_LOW + 19U) << 16 | (PORT_LOW + 10);
	uint64_t cookie;

	(void)state;
	for (cookie = 5; cookie < 25; cookie++)
		look_open(look, cookie, flow_of(cookie, "10.0.0.1"), false, &client);
	look_open(look, cookie, flow_of(cookie + 200, "10.0.0.3"), false, &client);
	fail_connect(look, 101, range);
	fail_connect(look, 102, range);
	look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 0);
	fail_connect(look, 103, range);
	look_pass(look, NS_PER_S);
	look_pass(look, NS_PER_S); /* descriptor-leak has had a scan just before */
	assert_int_equal(look->found_count, 1);
	assert_int_equal(look->found.severity, SEVERITY_CRITICAL);
	assert_non_null(strstr(look->found.says, "IP_LOCAL_PORT_RANGE"));
	assert_string_equal(finding_evidence(&look->found, "own_range")->text, "40010-40019");
	assert_int_equal(evidence_count(&look->found, "ports"), 10);
	assert_int_equal(evidence_count(&look->found, "ports_in_use"), 10);
	assert_int_equal(evidence_count(&look->found, "failed_connects"), 3);
	assert_string_equal(look->found.process->comm, "curl");
	for (int i = 0; i < 60; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 2);
	assert_int_equal(look->found.status, FINDING_OVER);
	look_free(look);
}

static void open_in(struct look *look, uint32_t netns, uint64_t cookie)
{
	struct event_flow flow = flow_of(cookie, "10.0.0.1");
	struct event_transition e;

	e = make_transition(cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, look->kernel.now_ns);
	make_actor(&e, &client);
	e.header.netns = netns;
	world_feed(look->world, &e);
	e = make_transition(cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, look->kernel.now_ns);
	e.header.netns = netns;
	world_feed(look->world, &e);
}

/* Another namespace is scanned again and again: what is said of this one is not of its scan. */
static void scans_of_others(void **state)
{
	struct look *look = small_range();
	uint32_t range = (PORT_LOW + 19U) << 16 | (PORT_LOW + 10);
	const struct finding *found = &look->found;

	(void)state;
	for (uint64_t cookie = 10; cookie < 20; cookie++)
		look_open(look, cookie, flow_of(cookie, "10.0.0.1"), false, &client);
	for (uint64_t cookie = 1000; cookie < 1170; cookie++)
		open_in(look, OTHER_NETNS, cookie);
	for (int i = 0; i < 10; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 1);
	assert_int_equal(found->flow.netns, OTHER_NETNS);
	for (uint64_t cookie = 101; cookie < 104; cookie++)
		fail_connect(look, cookie, range);
	for (int i = 0; i < 8 && look->found_count == 1; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 2);
	assert_int_not_equal(found->flow.netns, OTHER_NETNS);
	assert_int_equal(evidence_count(found, "ports_in_use"), 10);
	assert_int_equal(evidence_count(found, "open"), 10);
	look_free(look);
}

/* Limits beyond those of the namespace have no effect, nor has 0. */
static void limits_of_a_range(void **state)
{
	struct look *look = small_range();

	(void)state;
	look_open(look, 10, flow_of(150, "10.0.0.1"), false, &client);
	for (uint64_t i = 1; i <= 3; i++)
		fail_connect(look, i, 1 << 16 | (PORT_LOW + 150));
	look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 1);
	assert_string_equal(finding_evidence(&look->found, "own_range")->text, "40150-40199");
	assert_int_equal(evidence_count(&look->found, "ports_in_use"), 1);
	look_free(look);
}

/* connect() fails, and the kernel's own words are enough. */
static void no_port_for_other_reasons(void **state)
{
	struct look *look = small_range();

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		fail_connect(look, i, 0);
	for (int i = 0; i < 12; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 1);
	assert_non_null(strstr(look->found.says, "no local port is free"));
	assert_int_equal(evidence_count(&look->found, "failed_connects"), 5);
	look_free(look);

	/* Now and then one fails. */
	look = small_range();
	for (uint64_t i = 1; i <= 10; i++) {
		fail_connect(look, i, 0);
		for (int second = 0; second < 31; second++)
			look_pass(look, NS_PER_S);
	}
	assert_int_equal(look->found_count, 0);
	look_free(look);
}

/* The side that was connected to. */
static void server_side(void **state)
{
	struct look *look = small_range();
	struct event_flow listening = make_flow("0.0.0.0", PORT_LOW, "0.0.0.0", 0);

	(void)state;
	world_step(look->world, 1000, &listening, TCP_CLOSE, TCP_LISTEN, look->kernel.now_ns,
		   &server);
	for (uint64_t i = 1; i < 400; i++) {
		struct event_flow flow =
			make_flow("10.0.0.1", PORT_LOW, "10.0.0.2", (uint16_t)(1024 + i));

		world_step(look->world, i, &flow, TCP_SYN_RECV, TCP_ESTABLISHED,
			   look->kernel.now_ns, NULL);
		look_close(look, i, flow, &server);
		look_pass(look, NS_PER_S / 40);
	}
	assert_int_equal(look->kernel.scans, 0);
	assert_int_equal(look->found_count, 0);
	look_free(look);
}

/* A loop of curl: no process is to blame, but the name is known. */
static void many_processes(void **state)
{
	struct look *look = small_range();

	(void)state;
	for (uint64_t i = 1; i < 140; i++) {
		struct event_task task = make_task((uint32_t)(100 + i), i, "curl");
		struct event_flow flow = flow_of(i, "10.0.0.1");

		look_open(look, i, flow, false, &task);
		look_close(look, i, flow, &task);
		look_pass(look, NS_PER_S / 20);
	}
	assert_int_equal(look->found_count, 1);
	assert_null(look->found.process);
	assert_string_equal(finding_evidence(&look->found, "top_process")->text, "curl");
	look_free(look);
}

/* A scan that this rule did not want may have any records. */
static void odd_records(void **state)
{
	struct look *look = small_range();
	uint64_t cookie = 0;

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		look->minis[i].cookie = random64() | 1;
		look->minis[i].since_ns = START_NS;
		look->minis[i].flow = flow_of(i, "10.0.0.1");
		look->minis[i].flow.remote_port = i % 3 ? 0 : (uint16_t)random64();
		look->minis[i].flow.local_port = (uint16_t)random64();
	}
	look->mini_count = 300;
	churn(look, &cookie, 20, 2, false);
	assert_int_equal(look->found_count, 0);
	look_free(look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forecast),
		cmocka_unit_test(bound_to_all),
		cmocka_unit_test(healthy),
		cmocka_unit_test(settles),
		cmocka_unit_test(pile_up),
		cmocka_unit_test(server_side),
		cmocka_unit_test(many_processes),
		cmocka_unit_test(odd_records),
		cmocka_unit_test(holders),
		cmocka_unit_test(own_range),
		cmocka_unit_test(scans_of_others),
		cmocka_unit_test(limits_of_a_range),
		cmocka_unit_test(no_port_for_other_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
