// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/recent.h"

#define MS     NS_PER_MS
#define WITHIN (100 * MS)

static struct flow flow_of(const char *local, uint16_t local_port, const char *remote,
			   uint16_t remote_port, uint32_t netns)
{
	struct event_flow wire = make_flow(local, local_port, remote, remote_port);
	struct flow flow;

	flow_read(&flow, &wire, netns);
	return flow;
}

static bool connected(const struct recent *recent, const struct flow *flow, uint64_t time_ns)
{
	return recent_connected(recent, flow, time_ns, WITHIN);
}

static void empty_has_nothing(void **state)
{
	static const struct recent recent;
	struct flow flow = flow_of("10.0.0.1", 5000, "10.0.0.2", 80, NETNS), zero = {0};
	struct recent copy = recent;
	uint64_t age_ns = 7;

	(void)state;
	assert_false(connected(&recent, &flow, 0));
	assert_false(connected(&recent, &flow, START_NS));
	assert_false(connected(&recent, &zero, 0));
	assert_false(recent_take_completion(&copy, &flow, START_NS, WITHIN, &age_ns));
	assert_false(recent_take_completion(&copy, &zero, 0, WITHIN, &age_ns));
	assert_int_equal(age_ns, 7);
}

static void a_connect_counts_for_a_while(void **state)
{
	struct flow flow = flow_of("10.0.0.1", 5000, "10.0.0.2", 80, NETNS);
	struct recent recent = {0};

	(void)state;
	recent_add_connect(&recent, &flow, START_NS);
	assert_false(connected(&recent, &flow, START_NS - 1)); /* it came after that */
	assert_true(connected(&recent, &flow, START_NS));
	assert_true(connected(&recent, &flow, START_NS + WITHIN));
	assert_false(connected(&recent, &flow, START_NS + WITHIN + 1));
}

/* The kernel may choose the port after the record, but all else is there. */
static void ends_must_be_the_same(void **state)
{
	struct flow flow = flow_of("10.0.0.1", 5000, "10.0.0.2", 80, NETNS);
	const struct flow others[] = {
		flow_of("10.0.0.1", 5001, "10.0.0.2", 80, NETNS),
		flow_of("10.0.0.3", 5000, "10.0.0.2", 80, NETNS),
		flow_of("10.0.0.1", 5000, "10.0.0.3", 80, NETNS),
		flow_of("10.0.0.1", 5000, "10.0.0.2", 81, NETNS),
		flow_of("10.0.0.1", 5000, "10.0.0.2", 80, OTHER_NETNS),
		flow_of("::1", 5000, "::2", 80, NETNS),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct recent recent = {0};
		struct flow portless = others[i];
		uint64_t age_ns = 0;

		recent_add_connect(&recent, &others[i], START_NS);
		assert_false(connected(&recent, &flow, START_NS));
		portless.local_port = 0;
		recent_add_connect(&recent, &portless, START_NS);
		assert_int_equal(connected(&recent, &flow, START_NS), i == 0);
		recent_add_completion(&recent, &others[i], START_NS, MS);
		assert_false(recent_take_completion(&recent, &flow, START_NS, WITHIN, &age_ns));
		assert_true(recent_take_completion(&recent, &others[i], START_NS, WITHIN, &age_ns));
	}
}

static void the_last_ones_are_kept(void **state)
{
	struct recent recent = {0};
	uint64_t age_ns;

	(void)state;
	for (uint16_t i = 0; i <= RECENT_SLOTS; i++) {
		struct flow flow = flow_of("10.0.0.1", (uint16_t)(1000 + i), "10.0.0.2", 80, NETNS);

		recent_add_connect(&recent, &flow, START_NS + i);
		recent_add_completion(&recent, &flow, START_NS + i, i * MS);
	}
	for (uint16_t i = 0; i <= RECENT_SLOTS; i++) {
		struct flow flow = flow_of("10.0.0.1", (uint16_t)(1000 + i), "10.0.0.2", 80, NETNS);

		age_ns = 7;
		assert_int_equal(connected(&recent, &flow, START_NS + MS), i > 0);
		assert_int_equal(
			recent_take_completion(&recent, &flow, START_NS + MS, WITHIN, &age_ns),
			i > 0);
		assert_int_equal(age_ns, i > 0 ? i * MS : 7);
	}
}

static void a_completion_is_taken_once(void **state)
{
	struct flow flow = flow_of("10.0.0.1", 80, "10.0.0.2", 5000, NETNS);
	struct recent recent = {0};
	uint64_t age_ns = 0;

	(void)state;
	recent_add_completion(&recent, &flow, START_NS, 3 * MS);
	assert_true(recent_take_completion(&recent, &flow, START_NS + 1, WITHIN, &age_ns));
	assert_int_equal(age_ns, 3 * MS);
	assert_false(recent_take_completion(&recent, &flow, START_NS + 1, WITHIN, &age_ns));
}

/* The connection that an older one was of was lost: it tells nothing of the next on the same ends.
 */
static void stale_completions_are_nobodys(void **state)
{
	struct flow flow = flow_of("10.0.0.1", 80, "10.0.0.2", 5000, NETNS);
	struct recent recent = {0};
	uint64_t age_ns = 0;

	(void)state;
	recent_add_completion(&recent, &flow, START_NS, 1000 * MS);
	assert_false(
		recent_take_completion(&recent, &flow, START_NS + WITHIN + 1, WITHIN, &age_ns));
	recent_add_completion(&recent, &flow, START_NS + 9000 * MS, 3000 * MS);
	assert_true(recent_take_completion(&recent, &flow, START_NS + 9001 * MS, WITHIN, &age_ns));
	assert_int_equal(age_ns, 3000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_nothing),
		cmocka_unit_test(a_connect_counts_for_a_while),
		cmocka_unit_test(ends_must_be_the_same),
		cmocka_unit_test(the_last_ones_are_kept),
		cmocka_unit_test(a_completion_is_taken_once),
		cmocka_unit_test(stale_completions_are_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
