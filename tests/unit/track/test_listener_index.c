// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/listener_index.h"

/* Only the addresses of these are used. */
static char processes[4];
#define OWNER(i) ((struct process *)&processes[i])

static struct flow read_flow(const char *local, uint16_t port, uint32_t netns)
{
	struct event_flow wire = make_flow(local, port, strchr(local, ':') ? "::" : "0.0.0.0", 0);
	struct flow flow;

	flow_read(&flow, &wire, netns);
	return flow;
}

static struct tcp_socket make_listener(const char *local, uint16_t port, struct process *owner)
{
	return (struct tcp_socket){
		.flow = read_flow(local, port, NETNS), .owner = owner, .state = TCP_LISTEN};
}

static struct tcp_socket *find(struct listener_index *index, const char *local, uint16_t port,
			       bool *several)
{
	struct flow flow = read_flow(local, port, NETNS);

	return listener_index_find(index, &flow, several);
}

/* Finds `wanted`, and no other listener matches as well. */
static void check_one(struct listener_index *index, const char *local, uint16_t port,
		      struct tcp_socket *wanted)
{
	bool several = true;

	assert_ptr_equal(find(index, local, port, &several), wanted);
	assert_false(several);
}

static void check_several(struct listener_index *index, const char *local, uint16_t port)
{
	bool several = false;

	assert_non_null(find(index, local, port, &several));
	assert_true(several);
}

static void finds_by_netns_address_and_port(void **state)
{
	struct listener_index *index = listener_index_new();
	struct tcp_socket a = make_listener("10.0.0.1", 80, OWNER(0));
	struct tcp_socket b = make_listener("10.0.0.2", 80, OWNER(1));
	struct tcp_socket c = make_listener("10.0.0.1", 81, OWNER(2));
	struct tcp_socket d = make_listener("2001:db8::1", 80, OWNER(3));
	struct flow elsewhere = read_flow("10.0.0.1", 80, OTHER_NETNS);
	bool several = true;

	(void)state;
	check_one(index, "10.0.0.1", 80, NULL);
	assert_int_equal(listener_index_add(index, &a), 0);
	assert_int_equal(listener_index_add(index, &b), 0);
	assert_int_equal(listener_index_add(index, &c), 0);
	assert_int_equal(listener_index_add(index, &d), 0);
	check_one(index, "10.0.0.1", 80, &a);
	check_one(index, "10.0.0.2", 80, &b);
	check_one(index, "10.0.0.1", 81, &c);
	check_one(index, "2001:db8::1", 80, &d);
	check_one(index, "10.0.0.3", 80, NULL);
	check_one(index, "10.0.0.1", 82, NULL);
	check_one(index, "2001:db8::2", 80, NULL);
	assert_null(listener_index_find(index, &elsewhere, &several));
	assert_false(several);
	listener_index_free(index);
}

/* The order in which they were added does not matter. */
static void exact_comes_before_wildcard(void **state)
{
	(void)state;
	for (int order = 0; order < 6; order++) {
		struct listener_index *index = listener_index_new();
		struct tcp_socket listeners[] = {
			make_listener("0.0.0.0", 80, OWNER(0)),
			make_listener("10.0.0.1", 80, OWNER(1)),
			make_listener("0.0.0.0", 80, OWNER(0)),
		};
		static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
						 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
		bool several;

		for (int i = 0; i < 3; i++)
			listener_index_add(index, &listeners[orders[order][i]]);
		check_one(index, "10.0.0.1", 80, &listeners[1]);
		assert_ptr_equal(find(index, "10.0.0.9", 80, &several)->owner, OWNER(0));
		assert_false(several);
		listener_index_free(index);
	}
}

static void dual_stack_takes_ipv4(void **state)
{
	struct listener_index *index = listener_index_new();
	struct tcp_socket dual = make_listener("::", 80, OWNER(0));
	struct tcp_socket only4 = make_listener("0.0.0.0", 81, OWNER(1));

	(void)state;
	listener_index_add(index, &dual);
	listener_index_add(index, &only4);
	check_one(index, "10.0.0.1", 80, &dual);
	check_one(index, "2001:db8::1", 80, &dual);
	check_one(index, "10.0.0.1", 81, &only4);
	check_one(index, "2001:db8::1", 81, NULL);
	listener_index_free(index);
}

/* `listen 80; listen [::]:80 ipv6only=on`, or SO_REUSEPORT on both: compute_score() of
 * net/ipv4/inet_hashtables.c gives an IPv4 connection to the AF_INET socket. */
static void ipv4_wildcard_comes_before_dual_stack(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct listener_index *index = listener_index_new();
		struct tcp_socket only4 = make_listener("0.0.0.0", 80, OWNER(0));
		struct tcp_socket only6 = make_listener("::", 80, OWNER(1));

		listener_index_add(index, order ? &only4 : &only6);
		listener_index_add(index, order ? &only6 : &only4);
		check_one(index, "2001:db8::1", 80, &only6);
		check_one(index, "10.0.0.1", 80, &only4);
		listener_index_free(index);
	}
}

static void reuseport_of_several_owners_is_ambiguous(void **state)
{
	struct listener_index *index = listener_index_new();
	struct tcp_socket a = make_listener("0.0.0.0", 80, OWNER(0));
	struct tcp_socket b = make_listener("0.0.0.0", 80, OWNER(1));
	struct tcp_socket c = make_listener("0.0.0.0", 80, OWNER(2));
	struct tcp_socket exact = make_listener("10.0.0.1", 80, OWNER(2));
	struct tcp_socket twin = make_listener("10.0.0.1", 80, OWNER(3));

	(void)state;
	listener_index_add(index, &a);
	listener_index_add(index, &b);
	check_several(index, "10.0.0.1", 80);
	listener_index_add(index, &c);
	check_several(index, "10.0.0.1", 80);
	/* The wildcards do not count if a listener has the exact address. */
	listener_index_add(index, &exact);
	check_one(index, "10.0.0.1", 80, &exact);
	check_several(index, "10.0.0.9", 80);
	listener_index_add(index, &twin);
	check_several(index, "10.0.0.1", 80);
	listener_index_remove(index, &exact);
	check_one(index, "10.0.0.1", 80, &twin);
	listener_index_remove(index, &b);
	listener_index_remove(index, &c);
	check_one(index, "10.0.0.9", 80, &a);
	listener_index_free(index);
}

/* One process with many listening sockets on a port, a thread for each. */
static void reuseport_of_one_owner_is_not(void **state)
{
	struct listener_index *index = listener_index_new();
	struct tcp_socket listeners[8];
	bool several = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		listeners[i] = make_listener("0.0.0.0", 80, OWNER(1));
		listener_index_add(index, &listeners[i]);
	}
	assert_ptr_equal(find(index, "10.0.0.1", 80, &several)->owner, OWNER(1));
	assert_false(several);
	listener_index_free(index);
}

static void walk_shows_each_that_fits_once(void **state)
{
	struct listener_index *index = listener_index_new();
	struct tcp_socket fits[] = {
		make_listener("0.0.0.0", 80, OWNER(0)),
		make_listener("0.0.0.0", 80, OWNER(1)),
		make_listener("::", 80, OWNER(1)),
	};
	struct tcp_socket others[] = {
		make_listener("10.0.0.2", 80, OWNER(2)),
		make_listener("0.0.0.0", 81, OWNER(2)),
		make_listener("2001:db8::1", 80, OWNER(2)),
	};
	struct flow flow = read_flow("10.0.0.1", 80, NETNS);
	struct tcp_socket *listener = NULL;
	int shown[ARRAY_SIZE(fits)] = {0};

	(void)state;
	assert_null(listener_index_next(index, &flow, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(fits); i++) {
		listener_index_add(index, &fits[i]);
		listener_index_add(index, &others[i]);
	}
	while ((listener = listener_index_next(index, &flow, listener))) {
		assert_true(listener >= fits && listener < fits + ARRAY_SIZE(fits));
		shown[listener - fits]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fits); i++)
		assert_int_equal(shown[i], 1);
	listener_index_free(index);
}

static void removed_ones_are_not_found(void **state)
{
	struct listener_index *index = listener_index_new();
	static struct tcp_socket listeners[2000];
	bool several;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		listeners[i] = make_listener("0.0.0.0", (uint16_t)(1000 + i / 2), OWNER(0));
		listener_index_add(index, &listeners[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i += 2)
		listener_index_remove(index, &listeners[i]);
	for (size_t i = 1; i < ARRAY_SIZE(listeners); i += 2) {
		check_one(index, "10.0.0.1", (uint16_t)(1000 + i / 2), &listeners[i]);
		listener_index_remove(index, &listeners[i]);
		listener_index_remove(index, &listeners[i]); /* it stops listening */
		assert_null(find(index, "10.0.0.1", (uint16_t)(1000 + i / 2), &several));
	}
	listener_index_add(index, &listeners[0]);
	check_one(index, "10.0.0.1", 1000, &listeners[0]);
	listener_index_free(index);
}

static void free_takes_null(void **state)
{
	(void)state;
	listener_index_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_netns_address_and_port),
		cmocka_unit_test(exact_comes_before_wildcard),
		cmocka_unit_test(dual_stack_takes_ipv4),
		cmocka_unit_test(ipv4_wildcard_comes_before_dual_stack),
		cmocka_unit_test(reuseport_of_several_owners_is_ambiguous),
		cmocka_unit_test(reuseport_of_one_owner_is_not),
		cmocka_unit_test(walk_shows_each_that_fits_once),
		cmocka_unit_test(removed_ones_are_not_found),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
