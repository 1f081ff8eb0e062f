// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "finding/port_use.h"

#define PORT_LOW 40000

static const struct net_settings settings = {
	.port_low = PORT_LOW, .port_high = PORT_LOW + 999, .ports = 1000};

static struct process curl = {.tgid = 5, .comm = "curl", .watched = true};
static struct process curl_too = {.tgid = 6, .comm = "curl"};
static struct process wget = {.tgid = 7, .comm = "wget"};

static struct flow flow_of(uint16_t port, const char *remote, uint16_t remote_port)
{
	struct event_flow event = make_flow("10.0.0.2", port, remote, remote_port);
	struct flow flow;

	flow_read(&flow, &event, NETNS);
	return flow;
}

static void add(struct port_use *use, struct flow flow, const struct port_sample *sample)
{
	struct port_sample copy = *sample;

	copy.flow = &flow;
	copy.settings = &settings;
	port_use_add(use, &copy);
}

/* A connection to 10.0.0.1:80. */
static void add_one(struct port_use *use, uint16_t port, const struct port_sample *sample)
{
	add(use, flow_of(port, "10.0.0.1", 80), sample);
}

static struct port_pair *pair_of(struct port_use *use)
{
	struct flow flow = flow_of(1, "10.0.0.1", 80);

	return port_use_find(use, &flow);
}

static struct port_pair *address_of(struct port_use *use)
{
	struct flow flow = flow_of(1, "10.0.0.1", 0);

	return port_use_find(use, &flow);
}

static struct port_use *use_new(void)
{
	struct port_use *use = port_use_new();

	assert_non_null(use);
	return use;
}

static size_t count_all(struct port_use *use)
{
	struct port_pair *pair = NULL;
	size_t count = 0;

	while ((pair = port_use_next(use, pair)))
		count++;
	return count;
}

static void connections_are_counted_by_their_ends(void **state)
{
	struct port_use *use = use_new();
	struct flow other_netns = flow_of(PORT_LOW + 4, "10.0.0.1", 80);

	(void)state;
	other_netns.netns = OTHER_NETNS;
	assert_null(port_use_next(use, NULL));
	add_one(use, PORT_LOW, &(struct port_sample){0});
	add_one(use, PORT_LOW + 1, &(struct port_sample){0});
	add(use, flow_of(PORT_LOW + 2, "10.0.0.1", 81), &(struct port_sample){0});
	add(use, flow_of(PORT_LOW + 3, "10.0.0.9", 80), &(struct port_sample){0});
	add(use, other_netns, &(struct port_sample){0});
	assert_int_equal(pair_of(use)->held, 2);
	assert_int_equal(port_pair_in_use(pair_of(use)), 2);
	assert_int_equal(pair_of(use)->flow.local_port, 0);
	assert_int_equal(pair_of(use)->flow.remote_port, 80);
	assert_int_equal(pair_of(use)->settings.ports, 1000);
	assert_int_equal(port_use_find(use, &other_netns)->held, 1);
	/* Four pairs of ends, then the local address of each namespace. */
	assert_int_equal(count_all(use), 6);
	assert_int_equal(address_of(use)->held, 4);
	port_use_free(use);
}

/* Two flows that differ in anything but their local ports, in turns. */
static void each_end_has_a_count_of_its_own(void **state)
{
	struct flow flows[] = {flow_of(PORT_LOW, "10.0.0.1", 80), flow_of(PORT_LOW, "10.0.0.9", 80),
			       flow_of(PORT_LOW, "10.0.0.1", 81), flow_of(PORT_LOW, "10.0.0.1", 80),
			       flow_of(PORT_LOW, "10.0.0.1", 80)};
	struct port_use *use = use_new();

	(void)state;
	flows[3].netns = OTHER_NETNS;
	flows[4].local[3]++;
	for (uint16_t turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < 5; i++) {
			flows[i].local_port = (uint16_t)(PORT_LOW + turn);
			add(use, flows[i], &(struct port_sample){0});
		}
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(port_use_find(use, &flows[i])->held, 3);
	assert_int_equal(count_all(use), 5 + 3); /* and three addresses */
	port_use_free(use);
}

/* One local port may serve connections to several peers. */
static void a_port_of_an_address_counts_once(void **state)
{
	struct port_use *use = use_new();

	(void)state;
	add(use, flow_of(PORT_LOW, "10.0.0.1", 80), &(struct port_sample){0});
	add(use, flow_of(PORT_LOW, "10.0.0.9", 80), &(struct port_sample){0});
	add(use, flow_of(PORT_LOW + 8, "10.0.0.9", 80), &(struct port_sample){0});
	assert_int_equal(address_of(use)->held, 2);
	assert_int_equal(pair_of(use)->held, 1);
	port_use_free(use);
}

static void pairs_come_before_addresses(void **state)
{
	struct port_use *use = use_new();
	struct port_pair *pair = NULL;
	uint16_t last = 1;

	(void)state;
	for (uint16_t i = 0; i < 5; i++)
		add(use, flow_of(PORT_LOW, "10.0.0.1", 80 + i), &(struct port_sample){0});
	while ((pair = port_use_next(use, pair))) {
		assert_true(last || !pair->flow.remote_port);
		last = pair->flow.remote_port;
	}
	assert_int_equal(last, 0);
	port_use_free(use);
}

static void other_ports_and_flows_without_a_peer_do_not_count(void **state)
{
	struct port_use *use = use_new();

	(void)state;
	add_one(use, PORT_LOW - 1, &(struct port_sample){0});
	add_one(use, PORT_LOW + 1000, &(struct port_sample){0});
	add(use, flow_of(PORT_LOW, "10.0.0.1", 0), &(struct port_sample){0});
	assert_int_equal(count_all(use), 0);
	add_one(use, PORT_LOW, &(struct port_sample){0});
	add_one(use, PORT_LOW + 999, &(struct port_sample){0});
	assert_int_equal(pair_of(use)->held, 2);
	port_use_free(use);
}

/* bind() before connect() takes the port of the address; connect() may take a reusable one. */
static void bound_and_reusable_ports_count_for_the_address_only(void **state)
{
	struct port_use *use = use_new();

	(void)state;
	add_one(use, PORT_LOW, &(struct port_sample){.bound = true});
	add_one(use, PORT_LOW + 1, &(struct port_sample){.state = TCP_TIME_WAIT, .reusable = true});
	assert_null(pair_of(use));
	assert_int_equal(address_of(use)->bound, 1);
	assert_int_equal(address_of(use)->held, 1);
	assert_int_equal(address_of(use)->time_wait, 1);
	add_one(use, PORT_LOW + 2, &(struct port_sample){.reusable = true}); /* still open */
	assert_int_equal(pair_of(use)->held, 1);
	port_use_free(use);
}

static void time_wait_is_counted_by_age(void **state)
{
	static const uint64_t ages_ns[] = {0, NS_PER_S - 1, NS_PER_S, 59 * NS_PER_S, 90 * NS_PER_S};
	struct port_use *use = use_new();
	const struct port_pair *pair;

	(void)state;
	for (uint16_t i = 0; i < ARRAY_SIZE(ages_ns); i++)
		add_one(use, PORT_LOW + i,
			&(struct port_sample){.state = TCP_TIME_WAIT, .age_ns = ages_ns[i]});
	add_one(use, PORT_LOW + 50, &(struct port_sample){.age_ns = NS_PER_S}); /* open */
	pair = pair_of(use);
	assert_int_equal(pair->time_wait, 5);
	assert_int_equal(pair->held, 1);
	assert_int_equal(port_pair_in_use(pair), 6);
	assert_int_equal(pair->ages[0], 2);
	assert_int_equal(pair->ages[1], 1);
	assert_int_equal(pair->ages[TIME_WAIT_S - 1], 2);
	port_use_free(use);
}

static void users_are_counted_by_name(void **state)
{
	struct process unknown = {.comm = "unknown"};
	struct port_use *use = use_new();
	uint16_t port = PORT_LOW;

	(void)state;
	add_one(use, port++, &(struct port_sample){.owner = &wget});
	add_one(use, port++, &(struct port_sample){.owner = &curl});
	assert_ptr_equal(port_pair_top(pair_of(use))->process, &wget); /* the first of equals */
	add_one(use, port++, &(struct port_sample){.owner = &curl});
	assert_ptr_equal(port_pair_top(pair_of(use))->process, &curl);
	assert_int_equal(pair_of(use)->watched, 2);
	add_one(use, port++, &(struct port_sample){.owner = &curl_too});
	assert_string_equal(port_pair_top(pair_of(use))->comm, "curl");
	assert_int_equal(port_pair_top(pair_of(use))->ports, 3);
	assert_null(port_pair_top(pair_of(use))->process); /* several */
	add_one(use, port++, &(struct port_sample){.owner = &unknown});
	add_one(use, port++, &(struct port_sample){0});
	assert_int_equal(pair_of(use)->user_count, 2);
	assert_int_equal(pair_of(use)->others, 0);
	assert_int_equal(pair_of(use)->held, 6);
	port_use_free(use);
}

/* Exited processes that were folded together have a name, but are no single process. */
static void the_exited_are_counted_by_name(void **state)
{
	struct process exited = {.comm = "curl", .watched = true, .merged = 3};
	struct process various = {.comm = PROCESS_OTHER, .watched = true, .merged = 9};
	struct port_use *use = use_new();
	uint16_t port = PORT_LOW;

	(void)state;
	add_one(use, port++, &(struct port_sample){.owner = &exited});
	assert_string_equal(port_pair_top(pair_of(use))->comm, "curl");
	assert_null(port_pair_top(pair_of(use))->process);
	add_one(use, port++, &(struct port_sample){.owner = &curl});
	add_one(use, port++, &(struct port_sample){.owner = &exited});
	assert_int_equal(port_pair_top(pair_of(use))->ports, 3);
	assert_null(port_pair_top(pair_of(use))->process);
	add_one(use, port++, &(struct port_sample){.owner = &various});
	assert_int_equal(pair_of(use)->others, 1);
	assert_int_equal(pair_of(use)->user_count, 1);
	assert_int_equal(pair_of(use)->watched, 4);
	port_use_free(use);
}

/* With too many names the one with most ports is not sure, so none is named. */
static void names_beyond_the_limit_are_others(void **state)
{
	struct process many[PORT_USERS + 2] = {0};
	struct port_use *use = use_new();
	uint16_t port = PORT_LOW;

	(void)state;
	assert_null(port_pair_top(&(struct port_pair){0}));
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].tgid = i + 1;
		snprintf(many[i].comm, sizeof(many[i].comm), "name%u", i);
		add_one(use, port++, &(struct port_sample){.owner = &many[i]});
	}
	assert_int_equal(pair_of(use)->user_count, PORT_USERS);
	assert_int_equal(pair_of(use)->others, 2);
	assert_null(port_pair_top(pair_of(use)));
	add_one(use, port++, &(struct port_sample){.owner = &many[3]});
	assert_null(port_pair_top(pair_of(use))); /* the others may be one name */
	add_one(use, port++, &(struct port_sample){.owner = &many[3]});
	assert_string_equal(port_pair_top(pair_of(use))->comm, "name3");
	port_use_free(use);
}

static void a_new_moment_begins_with_nothing(void **state)
{
	struct port_use *use = use_new();

	(void)state;
	assert_int_equal(port_use_time(use), 0);
	add_one(use, PORT_LOW, &(struct port_sample){0});
	port_use_begin(use, START_NS);
	assert_int_equal(port_use_time(use), START_NS);
	assert_int_equal(count_all(use), 0);
	assert_null(pair_of(use));
	add_one(use, PORT_LOW, &(struct port_sample){0});
	assert_int_equal(address_of(use)->held, 1); /* the port was forgotten, too */
	port_use_free(use);
	port_use_free(NULL);
}

static void both_tables_have_a_limit(void **state)
{
	struct port_use *use = use_new();
	size_t addresses = 0;
	struct port_pair *pair = NULL;

	(void)state;
	for (unsigned int i = 0; i < PORT_PAIRS + 10; i++)
		add(use, flow_of(PORT_LOW, "10.0.0.1", (uint16_t)(i + 1)),
		    &(struct port_sample){0});
	assert_int_equal(count_all(use), PORT_PAIRS + 1);
	add(use, flow_of(PORT_LOW + 1, "10.0.0.1", 1), &(struct port_sample){0});
	assert_int_equal(port_use_next(use, NULL)->held, 2); /* those that are there go on */
	for (uint32_t netns = 1; netns <= PORT_ADDRESSES + 10; netns++) {
		struct flow flow = flow_of(PORT_LOW, "10.0.0.1", 80);

		flow.netns = netns;
		add(use, flow, &(struct port_sample){0});
	}
	while ((pair = port_use_next(use, pair)))
		addresses += !pair->flow.remote_port;
	assert_int_equal(addresses, PORT_ADDRESSES);
	port_use_free(use);
}

static void clients_of_a_namespace_are_counted_anew_each_look(void **state)
{
	struct port_use *use = use_new();
	struct port_netns *one, *two;

	(void)state;
	assert_null(port_use_next_netns(use, NULL));
	one = port_use_netns(use, START_NS, 1);
	one->clients = 3;
	one->suspect_ns = START_NS;
	two = port_use_netns(use, START_NS, 2);
	two->clients = 4;
	assert_ptr_not_equal(one, two);
	assert_ptr_equal(port_use_netns(use, START_NS, 1), one);
	assert_int_equal(one->clients, 3);
	assert_ptr_equal(port_use_netns(use, START_NS + 1, 1), one);
	assert_int_equal(one->clients, 0);
	assert_int_equal(two->clients, 0);
	assert_int_equal(one->suspect_ns, START_NS); /* is kept */
	assert_ptr_equal(port_use_next_netns(use, NULL), one);
	assert_ptr_equal(port_use_next_netns(use, one), two);
	assert_null(port_use_next_netns(use, two));
	port_use_free(use);
}

static void a_namespace_without_clients_gives_way(void **state)
{
	struct port_use *use = use_new();

	(void)state;
	for (uint32_t netns = 1; netns <= PORT_NETNS; netns++) {
		struct port_netns *known = port_use_netns(use, START_NS, netns);

		assert_non_null(known);
		known->clients = 1;
		known->suspect_ns = START_NS;
	}
	assert_null(port_use_netns(use, START_NS, 1000));
	for (uint32_t netns = 1; netns <= PORT_NETNS; netns++)
		port_use_netns(use, START_NS + 1, netns)->clients = netns != 5;
	assert_int_equal(port_use_netns(use, START_NS + 1, 1000)->suspect_ns, 0);
	port_use_netns(use, START_NS + 1, 1000)->clients = 1;
	assert_null(port_use_netns(use, START_NS + 1, 5));
	assert_int_equal(port_use_netns(use, START_NS + 1, 6)->suspect_ns, START_NS);
	port_use_free(use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_counted_by_their_ends),
		cmocka_unit_test(each_end_has_a_count_of_its_own),
		cmocka_unit_test(a_port_of_an_address_counts_once),
		cmocka_unit_test(pairs_come_before_addresses),
		cmocka_unit_test(other_ports_and_flows_without_a_peer_do_not_count),
		cmocka_unit_test(bound_and_reusable_ports_count_for_the_address_only),
		cmocka_unit_test(time_wait_is_counted_by_age),
		cmocka_unit_test(users_are_counted_by_name),
		cmocka_unit_test(the_exited_are_counted_by_name),
		cmocka_unit_test(names_beyond_the_limit_are_others),
		cmocka_unit_test(a_new_moment_begins_with_nothing),
		cmocka_unit_test(both_tables_have_a_limit),
		cmocka_unit_test(clients_of_a_namespace_are_counted_anew_each_look),
		cmocka_unit_test(a_namespace_without_clients_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
