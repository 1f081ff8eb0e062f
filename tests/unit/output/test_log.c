// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A daemon's lines about losses: what, how often, and when they are over. */
#include "events.h"

#include <unistd.h>

#include "output/output.h"

struct paper {
	struct output *output;
	char *text;
	size_t size;
	size_t read;
	FILE *file;
	struct ledger ledger;
};

static void begin(struct paper *paper, uint64_t ring_size, feature_set features)
{
	const struct options options = {.ring_size = ring_size};
	const struct output_start start = {.options = &options, .features = features};

	setenv("TZ", "UTC", 1);
	*paper = (struct paper){0};
	paper->file = open_memstream(&paper->text, &paper->size);
	assert_non_null(paper->file);
	paper->output = output_log_new(paper->file);
	assert_non_null(paper->output);
	paper->output->ops->start(paper->output, &start, START_NS);
}

static void end(struct paper *paper)
{
	paper->output->ops->free(paper->output);
	fclose(paper->file);
	free(paper->text);
}

/* Looks ten times a second until then; what has come since the last time is compared. */
static void check_until(struct paper *paper, uint64_t *now_ns, uint64_t until_ns,
			const char *wanted)
{
	for (; *now_ns < until_ns; *now_ns += 100 * NS_PER_MS)
		paper->output->ops->losses(paper->output, &paper->ledger, *now_ns);
	assert_int_equal(output_flush(paper->output), 0);
	assert_string_equal(paper->text + paper->read, wanted);
	paper->read = paper->size;
}

static void losses_are_told_once_a_minute(void **state)
{
	uint64_t now_ns = START_NS;
	struct paper paper;

	(void)state;
	begin(&paper, 1U << 20, (1U << FEATURES) - 1);
	check_until(&paper, &now_ns, START_NS + NS_PER_S, "");
	paper.ledger.lost[LOST_RING_FULL] = 1234;
	check_until(&paper, &now_ns, START_NS + 2 * NS_PER_S,
		    "00:16:41.000000  LOST 1,234 events (ring_full 1,234), lifetimes are missing"
		    ": make the ring larger, --ring-size=4M\n");
	paper.ledger.lost[LOST_RING_FULL] += 6;
	check_until(&paper, &now_ns, START_NS + 30 * NS_PER_S, "");
	paper.ledger.lost[LOST_RECURSION] = 1;
	check_until(&paper, &now_ns, START_NS + 60 * NS_PER_S, "");
	check_until(&paper, &now_ns, START_NS + 62 * NS_PER_S,
		    "00:17:41.000000  LOST 7 events in 60.0s (ring_full 6, recursion 1), lifetimes"
		    " are missing: make the ring larger, --ring-size=4M\n");
	/* The last one was at 30 s; nothing more is said before the pause is over. */
	check_until(&paper, &now_ns, START_NS + 121 * NS_PER_S, "");
	check_until(&paper, &now_ns, START_NS + 300 * NS_PER_S,
		    "00:18:41.000000  END  LOST: no event was lost for 91.0s\n");
	/* From here on it is new again, and told at once. */
	paper.ledger.lost[LOST_RECURSION]++;
	check_until(&paper, &now_ns, START_NS + 301 * NS_PER_S,
		    "00:21:40.000000  LOST 1 event (recursion 1), lifetimes are missing\n");
	end(&paper);
}

static void the_largest_ring_cannot_be_larger(void **state)
{
	uint64_t now_ns = START_NS;
	struct paper paper;

	(void)state;
	begin(&paper, RING_SIZE_MAX / 2, (1U << FEATURES) - 1);
	paper.ledger.lost[LOST_RING_FULL] = 1;
	check_until(&paper, &now_ns, START_NS + NS_PER_S,
		    "00:16:40.000000  LOST 1 event (ring_full 1), lifetimes are missing"
		    ": make the ring larger, --ring-size=1G\n");
	end(&paper);
	now_ns = START_NS;
	begin(&paper, RING_SIZE_MAX, (1U << FEATURES) - 1);
	paper.ledger.lost[LOST_RING_FULL] = 1;
	check_until(&paper, &now_ns, START_NS + NS_PER_S,
		    "00:16:40.000000  LOST 1 event (ring_full 1), lifetimes are missing\n");
	end(&paper);
}

static void what_is_missing_is_told_at_the_start(void **state)
{
	uint64_t now_ns = START_NS;
	struct paper paper;

	(void)state;
	begin(&paper, 1U << 20, ((1U << FEATURES) - 1) & ~(1U << FEATURE_TIME_WAIT));
	check_until(&paper, &now_ns, START_NS + 100 * NS_PER_S,
		    "00:16:40.000000  Mode: full, not seen here: time_wait (see tcpwatch "
		    "--features).\n");
	end(&paper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_are_told_once_a_minute),
		cmocka_unit_test(the_largest_ring_cannot_be_larger),
		cmocka_unit_test(what_is_missing_is_told_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
