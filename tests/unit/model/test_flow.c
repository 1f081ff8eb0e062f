// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/flow.h"

static struct flow read_flow(const char *local, uint16_t local_port, const char *remote,
			     uint16_t remote_port)
{
	struct event_flow wire = make_flow(local, local_port, remote, remote_port);
	struct flow flow;

	memset(&flow, 0xa5, sizeof(flow)); /* flow_read() fills all of it */
	flow_read(&flow, &wire, NETNS);
	return flow;
}

static void check_text(const struct flow *flow, const char *local, const char *remote)
{
	char text[ENDPOINT_TEXT_LEN];

	assert_ptr_equal(flow_format_local(flow, text), text);
	assert_string_equal(text, local);
	assert_string_equal(flow_format_remote(flow, text), remote);
}

static void ipv4_is_read(void **state)
{
	static const uint8_t local[EVENT_ADDRESS_LEN] = {10, 1, 2, 3};
	static const uint8_t remote[EVENT_ADDRESS_LEN] = {192, 168, 255, 254};
	struct flow flow = read_flow("10.1.2.3", 80, "192.168.255.254", 65535);

	(void)state;
	assert_int_equal(flow.family, AF_INET);
	assert_memory_equal(flow.local, local, sizeof(local));
	assert_memory_equal(flow.remote, remote, sizeof(remote));
	assert_int_equal(flow.local_port, 80);
	assert_int_equal(flow.remote_port, 65535);
	assert_int_equal(flow.netns, NETNS);
	check_text(&flow, "10.1.2.3:80", "192.168.255.254:65535");
}

static void ipv6_is_read(void **state)
{
	struct flow flow = read_flow("2001:db8::1", 443, "fe80::a:b:c:d", 1);
	struct event_flow wire = make_flow("2001:db8::1", 443, "fe80::a:b:c:d", 1);

	(void)state;
	assert_int_equal(flow.family, AF_INET6);
	assert_memory_equal(flow.local, wire.local, EVENT_ADDRESS_LEN);
	assert_memory_equal(flow.remote, wire.remote, EVENT_ADDRESS_LEN);
	check_text(&flow, "[2001:db8::1]:443", "[fe80::a:b:c:d]:1");
}

static void mapped_is_ipv4(void **state)
{
	struct flow mapped = read_flow("::ffff:10.1.2.3", 80, "::ffff:10.9.8.7", 4000);
	struct flow plain = read_flow("10.1.2.3", 80, "10.9.8.7", 4000);

	(void)state;
	assert_int_equal(mapped.family, AF_INET);
	assert_memory_equal(mapped.local, plain.local, EVENT_ADDRESS_LEN);
	assert_memory_equal(mapped.remote, plain.remote, EVENT_ADDRESS_LEN);
	check_text(&mapped, "10.1.2.3:80", "10.9.8.7:4000");
}

/* A socket that becomes IPv4 may have one end that is not set yet. */
static void half_mapped_is_ipv4(void **state)
{
	struct flow connecting = read_flow("::", 0, "::ffff:10.9.8.7", 80);
	struct flow listening = read_flow("::ffff:127.0.0.1", 80, "::", 0);
	struct flow any = read_flow("::ffff:0.0.0.0", 80, "::", 0);

	(void)state;
	assert_int_equal(connecting.family, AF_INET);
	check_text(&connecting, "0.0.0.0:0", "10.9.8.7:80");
	assert_int_equal(listening.family, AF_INET);
	check_text(&listening, "127.0.0.1:80", "0.0.0.0:0");
	assert_int_equal(any.family, AF_INET);
	assert_true(flow_local_is_any(&any));
}

/* Addresses that are similar to mapped ones. */
static void nearly_mapped_is_ipv6(void **state)
{
	static const char *const addresses[] = {"::10.1.2.3", "::fffe:10.1.2.3", "1::ffff:10.1.2.3",
						"64:ff9b::10.1.2.3", "::1:ffff:10.1.2.3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct flow flow = read_flow(addresses[i], 1, addresses[i], 2);

		assert_int_equal(flow.family, AF_INET6);
	}
}

static void the_longest_endpoint_fits(void **state)
{
	struct flow flow = read_flow("1111:2222:3333:4444:5555:6666:7777:8888", 65535,
				     "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535);

	(void)state;
	check_text(&flow, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
		   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void any_is_all_zero(void **state)
{
	struct flow flow = read_flow("0.0.0.0", 80, "10.0.0.1", 1);

	(void)state;
	assert_true(flow_local_is_any(&flow));
	flow = read_flow("::", 80, "2001:db8::1", 1);
	assert_true(flow_local_is_any(&flow));
	flow = read_flow("::1", 80, "::", 1);
	assert_false(flow_local_is_any(&flow));
	flow = read_flow("0.0.0.1", 80, "0.0.0.0", 1);
	assert_false(flow_local_is_any(&flow));
}

static void connections_match_their_listeners(void **state)
{
	static const struct {
		const char *listener;
		const char *local;
		bool wanted;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"0.0.0.0", "10.0.0.1", true},
		{"0.0.0.0", "::1", false},
		{"0.0.0.0", "::ffff:10.0.0.1", true},
		{"::", "2001:db8::1", true},
		{"::", "10.0.0.1", true}, /* dual stack */
		{"::", "::ffff:10.0.0.1", true},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8::2", false},
		{"2001:db8::1", "10.0.0.1", false},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"::ffff:10.0.0.1", "10.0.0.2", false},
		/* The same first bytes in another family. */
		{"10.0.0.1", "a00:1::", false},
		{"a00:1::", "10.0.0.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *any = strchr(cases[i].listener, ':') ? "::" : "0.0.0.0";
		const char *peer =
			strchr(cases[i].local, ':')
				? strchr(cases[i].local, '.') ? "::ffff:9.9.9.9" : "2001:db8::9"
				: "9.9.9.9";
		struct flow listener = read_flow(cases[i].listener, 80, any, 0);
		struct flow flow = read_flow(cases[i].local, 80, peer, 5000);

		if (flow_is_from_listener(&flow, &listener) != cases[i].wanted)
			fail_msg("%s by a listener on %s", cases[i].local, cases[i].listener);
		flow.local_port = 81;
		assert_false(flow_is_from_listener(&flow, &listener));
		flow.local_port = 80;
		flow.netns = OTHER_NETNS;
		assert_false(flow_is_from_listener(&flow, &listener));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_read),
		cmocka_unit_test(ipv6_is_read),
		cmocka_unit_test(mapped_is_ipv4),
		cmocka_unit_test(half_mapped_is_ipv4),
		cmocka_unit_test(nearly_mapped_is_ipv6),
		cmocka_unit_test(the_longest_endpoint_fits),
		cmocka_unit_test(any_is_all_zero),
		cmocka_unit_test(connections_match_their_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
