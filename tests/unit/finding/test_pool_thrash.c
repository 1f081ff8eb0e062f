// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "look.h"

#include "finding/peer_use.h"

static struct event_flow flow_of(uint64_t cookie)
{
	return make_flow("10.0.0.2", (uint16_t)(10000 + cookie % 50000), "10.0.0.1", 80);
}

static void begin(struct look *look, uint64_t cookie)
{
	look_open(look, cookie, flow_of(cookie), false, &client);
}

static void finish(struct look *look, uint64_t cookie)
{
	look_close(look, cookie, flow_of(cookie), &client);
}

/*
 * Every half second `at_once` requests of 20 ms each; `keep` connections stay for the next ones,
 * not always the same. Those that are in use begin at `first` and end before *next.
 */
static void burst(struct look *look, uint64_t *first, uint64_t *next, unsigned int at_once,
		  unsigned int keep)
{
	while (*next - *first < at_once)
		begin(look, (*next)++);
	look_pass(look, 20 * NS_PER_MS);
	while (*next - *first > keep)
		finish(look, (*first)++);
	look_pass(look, 480 * NS_PER_MS);
}

static void bursts(struct look *look, unsigned int count, unsigned int at_once, unsigned int keep)
{
	uint64_t first = 1, next = 1;

	for (unsigned int i = 0; i < count; i++)
		burst(look, &first, &next, at_once, keep);
}

static void pool_of_two(void **state)
{
	struct look *look = look_new(&everything);
	const struct finding *found = &look->found;
	char place[FINDING_PLACE_LEN];

	(void)state;
	bursts(look, 40, 100, 2);
	assert_int_equal(look->found_count, 1);
	assert_int_equal(found->id, FINDING_POOL_THRASH);
	assert_int_equal(found->severity, SEVERITY_WARNING);
	assert_string_equal(found->process->comm, "curl");
	assert_string_equal(finding_format_place(found, place), "10.0.0.1:80");
	assert_int_equal(evidence_count(found, "kept"), 2);
	assert_int_equal(evidence_count(found, "at_once"), 100);
	assert_int_equal(evidence_rate(found, "kept_share"), 2);
	assert_in_range(evidence_rate(found, "closed"), 185, 205);
	assert_in_range(evidence_rate(found, "opened"), 185, 205);
	assert_in_range(evidence_count(found, "lifetime"), 20 * NS_PER_MS, 40 * NS_PER_MS);
	for (int i = 0; i < 60; i++)
		look_pass(look, NS_PER_S);
	assert_int_equal(look->found_count, 2);
	assert_int_equal(look->found.status, FINDING_OVER);
	look_free(look);
}

static void silent(const struct look *look)
{
	assert_int_equal(look->found_count, 0);
}

static void healthy_pools(void **state)
{
	struct look *look = look_new(&everything);

	(void)state;
	bursts(look, 60, 100, 100); /* large enough */
	silent(look);
	look_free(look);

	look = look_new(&everything);
	bursts(look, 60, 6, 4); /* nearly */
	silent(look);
	look_free(look);

	look = look_new(&everything);
	bursts(look, 60, 100, 0); /* none is meant */
	silent(look);
	look_free(look);

	look = look_new(&everything);
	bursts(look, 1, 500, 500); /* a busy time is over: most go at one time */
	bursts(look, 1, 400, 10);
	for (int i = 0; i < 60; i++)
		look_pass(look, NS_PER_S);
	silent(look);
	look_free(look);
}

/* ab: always 20 at once, of random length, each with a connection of its own. */
static void without_pool(void **state)
{
	struct look *look = look_new(&everything);
	uint64_t open[20] = {0}, next = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t *slot = &open[random_below(ARRAY_SIZE(open))];

		if (*slot)
			finish(look, *slot);
		*slot = next;
		begin(look, next++);
		look_pass(look, 2 * NS_PER_MS);
	}
	silent(look);
	look_free(look);
}

/* A connection for the long term, and a check each second beside it. */
static void health_check(void **state)
{
	struct look *look = look_new(&everything);

	(void)state;
	begin(look, 1);
	for (uint64_t i = 2; i < 120; i++) {
		begin(look, i);
		look_pass(look, 5 * NS_PER_MS);
		finish(look, i);
		look_pass(look, 995 * NS_PER_MS);
	}
	silent(look);
	look_free(look);
}

/* Two that stay for long and many that do not, without a pause. */
static void kept_for_long(void **state)
{
	struct look *look = look_new(&everything);
	uint64_t next = 3;

	(void)state;
	begin(look, 1);
	begin(look, 2);
	for (int i = 0; i < 2000; i++) {
		begin(look, next++);
		look_pass(look, 10 * NS_PER_MS);
		if (next > 19)
			finish(look, next - 17);
	}
	assert_int_equal(look->found_count, 1);
	assert_int_equal(evidence_count(&look->found, "kept"), 2);
	look_free(look);
}

/* More peers than there is room for: the busy one stays. */
static void many_peers(void **state)
{
	struct peer_use *use = peer_use_new();
	struct process process = {.tgid = 100, .start_ns = 5};
	struct flow busy = {.netns = 1, .family = AF_INET, .remote_port = 80}, other = busy;
	struct peer *peer = NULL;
	size_t count = 0;

	(void)state;
	assert_non_null(use);
	for (uint64_t i = 1; i < 100000; i++) {
		other.remote_port = (uint16_t)(1024 + random_below(60000));
		other.remote[0] = (uint8_t)random64();
		peer_use_opened(use, &process, &other, START_NS + i * NS_PER_MS);
		peer_use_opened(use, &process, &busy, START_NS + i * NS_PER_MS);
		peer_use_ended(use, &process, &busy, START_NS + i * NS_PER_MS, NS_PER_MS, true);
	}
	while ((peer = peer_use_next(use, peer)))
		count++;
	assert_in_range(count, 512, 1024);
	peer = peer_use_find(use, &process, &busy);
	assert_non_null(peer);
	assert_in_range(peer_sum(peer, START_NS + 100 * NS_PER_S).all.closed, 25000, 30000);
	assert_int_equal(peer_sum(peer, START_NS + 200 * NS_PER_S).all.closed, 0);
	peer_use_free(use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_of_two),	 cmocka_unit_test(healthy_pools),
		cmocka_unit_test(without_pool),	 cmocka_unit_test(health_check),
		cmocka_unit_test(kept_for_long), cmocka_unit_test(many_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
