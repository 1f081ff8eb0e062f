// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "track/coalesce.h"

#define PASSED_MAX 4096

/* The transitions that were passed on, in order. */
struct outcome {
	struct coalesce coalesce;
	size_t count;
	struct event_transition passed[PASSED_MAX];
	enum cause known[PASSED_MAX];
};

static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "curl"};

static void on_passed(void *context, const struct event_transition *e, enum cause known)
{
	struct outcome *outcome = context;

	assert_true(outcome->count < PASSED_MAX);
	outcome->known[outcome->count] = known;
	memset(&outcome->passed[outcome->count], 0, sizeof(*e));
	memcpy(&outcome->passed[outcome->count++], e, e->header.size);
}

/* Copies also what is after the end of a short record. */
static void on_passed_in_full(void *context, const struct event_transition *e, enum cause known)
{
	struct outcome *outcome = context;

	outcome->known[outcome->count] = known;
	outcome->passed[outcome->count++] = *e;
}

static int outcome_new(void **state)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	outcome->coalesce.sink = on_passed;
	outcome->coalesce.context = outcome;
	*state = outcome;
	return 0;
}

static int outcome_free(void **state)
{
	free(*state);
	return 0;
}

static struct event_transition make(uint64_t cookie, unsigned int from, unsigned int to,
				    uint64_t time_ns)
{
	struct event_flow flow = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);

	return make_transition(cookie, &flow, from, to, time_ns);
}

/* The ACK of our FIN, in segment `segment`. */
static struct event_transition make_ack(uint64_t cookie, uint64_t time_ns, uint32_t segment)
{
	struct event_transition e = make(cookie, TCP_FIN_WAIT1, TCP_FIN_WAIT2, time_ns);

	e.segment = segment;
	return e;
}

/* The peer's FIN. */
static struct event_transition make_fin(uint64_t cookie, uint64_t time_ns, uint32_t segment)
{
	struct event_transition e = make(cookie, TCP_FIN_WAIT2, TCP_CLOSE, time_ns);

	e.flow.flags |= EVENT_DONE;
	e.segment = segment;
	return e;
}

static void feed(struct outcome *outcome, struct event_transition e)
{
	struct event_transition *exact = make_exact(&e);

	coalesce_event(&outcome->coalesce, exact);
	free(exact);
}

static void check_passed(const struct outcome *outcome, size_t i, uint64_t cookie,
			 unsigned int from, unsigned int to, uint64_t time_ns)
{
	const struct event_transition *e = &outcome->passed[i];

	assert_true(i < outcome->count);
	assert_int_equal(e->cookie, cookie);
	assert_int_equal(e->from, from);
	assert_int_equal(e->to, to);
	assert_int_equal(e->time_ns, time_ns);
}

static void other_transitions_pass_at_once(void **state)
{
	struct outcome *outcome = *state;

	for (unsigned int from = 1; from < TCP_STATES; from++) {
		for (unsigned int to = 1; to < TCP_STATES; to++) {
			struct event_transition e = make(1, from, to, START_NS);

			if (from == TCP_FIN_WAIT1 && to == TCP_FIN_WAIT2)
				continue;
			outcome->count = 0;
			make_actor(&e, &task);
			feed(outcome, e);
			assert_int_equal(outcome->count, 1);
			assert_memory_equal(&outcome->passed[0], &e, sizeof(e));
			assert_int_equal(outcome->known[0], CAUSE_NONE);
		}
	}
}

static void ack_and_fin_in_one_segment_are_one(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition ack = make_ack(1, START_NS, 77);

	ack.srtt_us = 1234;
	ack.retransmits = 3;
	feed(outcome, ack);
	assert_int_equal(outcome->count, 0);
	feed(outcome, make_fin(1, START_NS + 900, 77));
	assert_int_equal(outcome->count, 1);
	check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_CLOSE, START_NS + 900);
	assert_true(outcome->passed[0].flow.flags & EVENT_DONE);
	assert_int_equal(outcome->passed[0].srtt_us, 1234);
	assert_int_equal(outcome->passed[0].retransmits, 3);
	/* Nothing is left behind. */
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	assert_int_equal(outcome->count, 1);
}

/* The processor may stand still between the two records: another one's turn in an emulated machine,
 * another guest's in a cloud. */
static void a_processor_that_stands_still_makes_no_fin_wait2(void **state)
{
	struct outcome *outcome = *state;

	feed(outcome, make_ack(1, START_NS, 77));
	coalesce_flush(&outcome->coalesce, START_NS + 90 * NS_PER_MS);
	feed(outcome, make_fin(1, START_NS + 90 * NS_PER_MS, 77));
	assert_int_equal(outcome->count, 1);
	check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_CLOSE, START_NS + 90 * NS_PER_MS);
}

/* If both segments were in the backlog of a process, both records have it as actor. */
static void the_actor_survives(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition ack = make_ack(1, START_NS, 77);
	struct event_transition fin = make_fin(1, START_NS + 1, 77);

	make_actor(&ack, &task);
	make_actor(&fin, &task);
	feed(outcome, ack);
	feed(outcome, fin);
	assert_int_equal(outcome->count, 1);
	assert_memory_equal(&outcome->passed[0].task, &task, sizeof(task));
	assert_int_equal(outcome->passed[0].header.size, sizeof(struct event_transition));
}

/* A record without an actor is held in the slot of one with an actor. */
static void no_actor_is_left_over(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition fin;

	for (uint64_t cookie = 1; cookie <= COALESCE_SLOTS; cookie++) {
		struct event_transition ack = make_ack(cookie, START_NS, 77);

		make_actor(&ack, &task);
		feed(outcome, ack);
	}
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	feed(outcome, make_ack(100, START_NS, 77));
	fin = make_fin(100, START_NS + 1, 77);
	make_actor(&fin, &task);
	outcome->count = 0;
	outcome->coalesce.sink = on_passed_in_full;
	feed(outcome, fin);
	assert_int_equal(outcome->count, 1);
	assert_int_equal(outcome->passed[0].task.tgid, 0);
}

/* Each of these differs in one thing from what is merged; both records must pass, in order. */
static void everything_else_stays_two(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition ack = make_ack(1, START_NS, 77), next[6];

	next[0] = make_fin(1, START_NS + 500, 78); /* another segment */
	next[1] = make_fin(1, START_NS + 500, 77);
	next[1].flow.flags &= (__u16)~EVENT_DONE; /* no FIN: the orphan's mini-socket */
	next[1].flow.flags |= EVENT_DEAD;
	next[2] = make_fin(1, START_NS + 500, 77);
	next[2].error = ECONNRESET;
	next[3] = make(1, TCP_FIN_WAIT2, TCP_FIN_WAIT2, START_NS + 500); /* close() */
	next[3].segment = 77;
	next[4] = make_fin(1, START_NS + COALESCE_HOLD_NS, 77); /* held long enough */
	next[5] = make_fin(1, START_NS + 60 * NS_PER_S, 77);
	for (size_t i = 0; i < ARRAY_SIZE(next); i++) {
		outcome->count = 0;
		feed(outcome, ack);
		assert_int_equal(outcome->count, 0);
		feed(outcome, next[i]);
		assert_int_equal(outcome->count, 2);
		check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS);
		check_passed(outcome, 1, 1, TCP_FIN_WAIT2, next[i].to, next[i].time_ns);
		assert_int_equal(outcome->passed[1].flow.flags, next[i].flow.flags);
		coalesce_flush(&outcome->coalesce, UINT64_MAX);
		assert_int_equal(outcome->count, 2);
	}
}

/* tcp_reset() because of data after close(), or because of a reset: the records are equal. */
static struct event_transition make_reset(uint64_t cookie, unsigned int from, uint64_t time_ns)
{
	struct event_transition e = make(cookie, from, TCP_CLOSE, time_ns);

	e.error = ECONNRESET;
	e.shutdown = 3;
	return e;
}

/* close() in LAST_ACK with unread data, or the last ACK from a backlog. */
static struct event_transition make_last(uint64_t cookie, uint64_t time_ns)
{
	struct event_transition e = make(cookie, TCP_LAST_ACK, TCP_CLOSE, time_ns);

	e.shutdown = 3;
	e.recv_queue = 2;
	make_actor(&e, &task);
	return e;
}

static void a_reset_tells_what_an_end_was(void **state)
{
	struct outcome *outcome = *state;
	const struct event_transition ends[] = {
		make_reset(1, TCP_FIN_WAIT1, START_NS),
		make_reset(2, TCP_FIN_WAIT2, START_NS),
		make_last(3, START_NS),
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		outcome->count = 0;
		feed(outcome, ends[i]);
		assert_int_equal(outcome->count, 0);
		coalesce_reset_sent(&outcome->coalesce, 99); /* of another socket */
		assert_int_equal(outcome->count, 0);
		coalesce_reset_sent(&outcome->coalesce, ends[i].cookie);
		assert_int_equal(outcome->count, 1);
		check_passed(outcome, 0, ends[i].cookie, ends[i].from, TCP_CLOSE, START_NS);
		assert_int_equal(outcome->passed[0].flow.flags, ends[i].flow.flags);
		assert_int_equal(outcome->known[0], CAUSE_RESET_SENT);
		assert_int_equal(outcome->passed[0].error, ends[i].error);
		coalesce_reset_sent(&outcome->coalesce, ends[i].cookie);
		coalesce_flush(&outcome->coalesce, UINT64_MAX);
		assert_int_equal(outcome->count, 1);
	}
}

/* The same before the reset that tells what the end was. */
static void a_processor_that_stands_still_makes_no_other_end(void **state)
{
	struct outcome *outcome = *state;

	feed(outcome, make_reset(1, TCP_FIN_WAIT2, START_NS));
	coalesce_flush(&outcome->coalesce, START_NS + 90 * NS_PER_MS);
	coalesce_reset_sent(&outcome->coalesce, 1);
	assert_int_equal(outcome->count, 1);
	assert_int_equal(outcome->known[0], CAUSE_RESET_SENT);
}

static void without_a_reset_an_end_is_what_it_seems(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition e = make_reset(1, TCP_FIN_WAIT2, START_NS);

	feed(outcome, e);
	coalesce_flush(&outcome->coalesce, START_NS + COALESCE_HOLD_NS - 1);
	assert_int_equal(outcome->count, 0);
	coalesce_flush(&outcome->coalesce, START_NS + COALESCE_HOLD_NS);
	assert_int_equal(outcome->count, 1);
	assert_int_equal(outcome->passed[0].flow.flags, e.flow.flags);
	assert_int_equal(outcome->known[0], CAUSE_NONE);
	/* The end was passed on already. */
	coalesce_reset_sent(&outcome->coalesce, 1);
	assert_int_equal(outcome->count, 1);
}

/* A reset is certain if the socket could still receive data, or got its last ACK. */
static void other_resets_pass_at_once(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition ends[] = {
		make_reset(1, TCP_FIN_WAIT1, START_NS),
		make_reset(2, TCP_ESTABLISHED, START_NS),
		make_reset(3, TCP_LAST_ACK, START_NS),
		make_reset(4, TCP_FIN_WAIT2, START_NS),
		make_last(5, START_NS),
		make_last(6, START_NS),
	};

	ends[0].shutdown = 2;
	ends[3].error = ETIMEDOUT;
	ends[4].recv_queue = 1; /* the FIN */
	ends[5].shutdown = 2;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		feed(outcome, ends[i]);
		assert_int_equal(outcome->count, i + 1);
	}
}

/* One segment with the ACK of our FIN and data: two changes, and a reset. */
static void an_ack_with_data_stays_two(void **state)
{
	struct outcome *outcome = *state;
	struct event_transition end = make_reset(1, TCP_FIN_WAIT2, START_NS + 900);

	feed(outcome, make_ack(1, START_NS, 77));
	end.segment = 77;
	feed(outcome, end);
	assert_int_equal(outcome->count, 1);
	check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS);
	coalesce_reset_sent(&outcome->coalesce, 1);
	assert_int_equal(outcome->count, 2);
	check_passed(outcome, 1, 1, TCP_FIN_WAIT2, TCP_CLOSE, START_NS + 900);
	assert_int_equal(outcome->known[0], CAUSE_NONE);
	assert_int_equal(outcome->known[1], CAUSE_RESET_SENT);
	/* A held FIN_WAIT1 > FIN_WAIT2 is no end. */
	feed(outcome, make_ack(2, START_NS + NS_PER_MS, 78));
	coalesce_reset_sent(&outcome->coalesce, 2);
	assert_int_equal(outcome->count, 2);
}

static void a_fin_alone_passes(void **state)
{
	struct outcome *outcome = *state;

	feed(outcome, make_ack(1, START_NS, 77));
	feed(outcome, make_fin(2, START_NS + 1, 77)); /* of another socket */
	assert_int_equal(outcome->count, 1);
	check_passed(outcome, 0, 2, TCP_FIN_WAIT2, TCP_CLOSE, START_NS + 1);
	feed(outcome, make_fin(1, START_NS + 2, 77));
	check_passed(outcome, 1, 1, TCP_FIN_WAIT1, TCP_CLOSE, START_NS + 2);
	feed(outcome, make_fin(1, START_NS + 3, 77)); /* nothing is held any more */
	check_passed(outcome, 2, 1, TCP_FIN_WAIT2, TCP_CLOSE, START_NS + 3);
}

/* The records of several sockets are mixed; those of each socket stay in order. */
static void held_ones_find_their_sockets(void **state)
{
	struct outcome *outcome = *state;

	for (uint64_t cookie = 1; cookie <= 40; cookie++)
		feed(outcome, make_ack(cookie, START_NS + cookie, (uint32_t)cookie));
	assert_int_equal(outcome->count, 0);
	for (uint64_t cookie = 40; cookie; cookie -= 2) /* merged: the even ones, last first */
		feed(outcome, make_fin(cookie, START_NS + 100 - cookie, (uint32_t)cookie));
	assert_int_equal(outcome->count, 20);
	for (size_t i = 0; i < 20; i++)
		check_passed(outcome, i, 40 - 2 * i, TCP_FIN_WAIT1, TCP_CLOSE,
			     START_NS + 60 + 2 * i);
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	assert_int_equal(outcome->count, 40);
	for (size_t i = 0; i < 20; i++)
		check_passed(outcome, 20 + i, 1 + 2 * i, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
			     START_NS + 1 + 2 * i);
}

static void time_releases(void **state)
{
	struct outcome *outcome = *state;

	feed(outcome, make_ack(1, START_NS, 1));
	feed(outcome, make_ack(2, START_NS + 10, 1));
	coalesce_flush(&outcome->coalesce, START_NS - 5000); /* another CPU's clock is behind */
	assert_int_equal(outcome->count, 0);
	coalesce_flush(&outcome->coalesce, START_NS + COALESCE_HOLD_NS - 1);
	assert_int_equal(outcome->count, 0);
	coalesce_flush(&outcome->coalesce, START_NS + COALESCE_HOLD_NS);
	assert_int_equal(outcome->count, 1);
	check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS);
	/* The time of any other record releases them as well. */
	feed(outcome, make(3, TCP_CLOSE, TCP_SYN_SENT, START_NS + 10 + COALESCE_HOLD_NS));
	assert_int_equal(outcome->count, 3);
	check_passed(outcome, 1, 2, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS + 10);
	check_passed(outcome, 2, 3, TCP_CLOSE, TCP_SYN_SENT, START_NS + 10 + COALESCE_HOLD_NS);
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	assert_int_equal(outcome->count, 3);
}

static void overflow_releases_the_oldest(void **state)
{
	struct outcome *outcome = *state;

	for (uint64_t i = 0; i < 3 * COALESCE_SLOTS; i++) {
		feed(outcome, make_ack(1 + i, START_NS + i, 1));
		assert_int_equal(outcome->count, i < COALESCE_SLOTS ? 0 : i - COALESCE_SLOTS + 1);
	}
	/* One in the middle is taken out; its slot becomes free in order. */
	feed(outcome, make_fin(2 * COALESCE_SLOTS + 5, START_NS + 200, 1));
	assert_int_equal(outcome->count, 2 * COALESCE_SLOTS + 1);
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	assert_int_equal(outcome->count, 3 * COALESCE_SLOTS);
	for (size_t i = 0; i < 2 * COALESCE_SLOTS; i++)
		check_passed(outcome, i, 1 + i, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS + i);
}

/* "until the next record of its socket", also when those between were lost: else the older record
 * would come after the newer one. */
static void any_next_record_of_the_socket_releases(void **state)
{
	struct outcome *outcome = *state;

	feed(outcome, make_ack(1, START_NS, 1));
	feed(outcome, make(1, TCP_CLOSE, TCP_SYN_SENT, START_NS + 100));
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	assert_int_equal(outcome->count, 2);
	check_passed(outcome, 0, 1, TCP_FIN_WAIT1, TCP_FIN_WAIT2, START_NS);
	check_passed(outcome, 1, 1, TCP_CLOSE, TCP_SYN_SENT, START_NS + 100);
}

/* Records are lost only by merging, and the FIN of a socket never comes before its ACK. */
static void random_records_are_all_passed(void **state)
{
	enum { OPEN = 100, RECORDS = 4000 };
	struct outcome *outcome = *state;
	static bool acknowledged[RECORDS + 1];
	uint64_t open[OPEN], now_ns = START_NS;
	size_t count = 0, fed = 0, merged = 0;

	for (uint64_t n = 1; n <= RECORDS; n++, fed++) {
		size_t i = count ? random_below(count) : 0;

		now_ns += random_below(COALESCE_HOLD_NS / 40);
		if (count < OPEN && (!count || random_below(2))) {
			feed(outcome, make_ack(n, now_ns, (uint32_t)n));
			open[count++] = n;
			continue;
		}
		feed(outcome, make_fin(open[i], now_ns, (uint32_t)open[i] + !random_below(4)));
		open[i] = open[--count];
		if (!random_below(10))
			coalesce_flush(&outcome->coalesce, now_ns + random_below(NS_PER_MS));
	}
	coalesce_flush(&outcome->coalesce, UINT64_MAX);
	for (size_t i = 0; i < outcome->count; i++) {
		const struct event_transition *e = &outcome->passed[i];

		merged += e->from == TCP_FIN_WAIT1 && e->to == TCP_CLOSE;
		assert_int_equal(acknowledged[e->cookie], e->from == TCP_FIN_WAIT2);
		acknowledged[e->cookie] = true;
	}
	assert_true(merged > RECORDS / 20);
	assert_int_equal(outcome->count + merged, fed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, outcome_new, outcome_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_transitions_pass_at_once),
		TEST(ack_and_fin_in_one_segment_are_one),
		TEST(a_processor_that_stands_still_makes_no_fin_wait2),
		TEST(the_actor_survives),
		TEST(no_actor_is_left_over),
		TEST(everything_else_stays_two),
		TEST(a_reset_tells_what_an_end_was),
		TEST(a_processor_that_stands_still_makes_no_other_end),
		TEST(without_a_reset_an_end_is_what_it_seems),
		TEST(other_resets_pass_at_once),
		TEST(an_ack_with_data_stays_two),
		TEST(a_fin_alone_passes),
		TEST(held_ones_find_their_sockets),
		TEST(time_releases),
		TEST(overflow_releases_the_oldest),
		TEST(any_next_record_of_the_socket_releases),
		TEST(random_records_are_all_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
