// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "track/owner.h"

#define BOTH 3

static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "nginx"};

/* Processes as the process table creates them. */
struct people {
	struct process unknown;
	struct process a;
	struct process b;
	struct tcp_socket socket;
};

static void clear(struct process *process)
{
	for (int i = 0; i < TCP_STATES; i++) {
		if (process->lifetimes[i])
			histogram_clear(process->lifetimes[i]);
		free(process->lifetimes[i]);
	}
	counters_free(process->transitions);
}

static int people_new(void **state)
{
	struct people *people = calloc(1, sizeof(*people));

	people->unknown.watched = people->a.watched = people->b.watched = true;
	*state = people;
	return 0;
}

static int people_free(void **state)
{
	struct people *people = *state;

	clear(&people->unknown);
	clear(&people->a);
	clear(&people->b);
	free(people);
	return 0;
}

static uint64_t transitions(const struct process *process, unsigned int from, unsigned int to)
{
	return counters_get(process->transitions, process_transition(from, to));
}

static uint64_t total(const struct process *process)
{
	uint64_t sum = 0;

	for (int i = 0; i < TCP_STATES; i++)
		for (int j = 0; j < TCP_STATES; j++)
			sum += transitions(process, i, j);
	return sum;
}

static void sample(struct people *people, unsigned int from, unsigned int to, uint64_t ns)
{
	owner_sample(&people->socket, &people->unknown, from, to, ns);
}

static enum owner_source source_of(unsigned int from, unsigned int to, __u8 shutdown, __u32 error,
				   const struct event_task *actor)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct event_transition e = make_transition(1, &flow, from, to, START_NS), *exact;
	enum owner_source source;

	if (actor)
		make_actor(&e, actor);
	e.shutdown = shutdown;
	e.error = error;
	exact = make_exact(&e);
	source = owner_source_of(exact);
	free(exact);
	return source;
}

static void actors_are_known_by_what_they_do(void **state)
{
	static const struct {
		unsigned int from;
		unsigned int to;
		__u8 shutdown;
		__u32 error;
		enum owner_source wanted;
	} cases[] = {
		{TCP_CLOSE, TCP_SYN_SENT, 0, 0, OWNER_CONNECT},
		{TCP_CLOSE, TCP_LISTEN, 0, 0, OWNER_LISTEN},
		{TCP_ESTABLISHED, TCP_FIN_WAIT1, 2, 0, OWNER_CLOSE},
		{TCP_ESTABLISHED, TCP_FIN_WAIT1, BOTH, 0, OWNER_CLOSE},
		{TCP_CLOSE_WAIT, TCP_LAST_ACK, BOTH, 0, OWNER_CLOSE},
		{TCP_SYN_RECV, TCP_FIN_WAIT1, BOTH, 0, OWNER_CLOSE},
		{TCP_FIN_WAIT1, TCP_FIN_WAIT1, BOTH, 0, OWNER_CLOSE}, /* close() */
		{TCP_FIN_WAIT2, TCP_FIN_WAIT2, BOTH, 0, OWNER_CLOSE}, /* after shutdown() */
		{TCP_LAST_ACK, TCP_LAST_ACK, BOTH, 0, OWNER_CLOSE},
		{TCP_CLOSING, TCP_CLOSING, BOTH, 0, OWNER_CLOSE},
		{TCP_SYN_SENT, TCP_CLOSE, BOTH, 0, OWNER_CLOSE},
		{TCP_ESTABLISHED, TCP_CLOSE, BOTH, 0, OWNER_CLOSE}, /* SO_LINGER 0 */
		{TCP_LISTEN, TCP_CLOSE, BOTH, 0, OWNER_CLOSE},
		/* Of a socket that was reset before. */
		{TCP_CLOSE, TCP_CLOSE, BOTH, 0, OWNER_CLOSE},
		/* Its release_sock() processed the backlog: the process uses the socket. */
		{TCP_ESTABLISHED, TCP_CLOSE_WAIT, 1, 0, OWNER_IO},
		{TCP_FIN_WAIT1, TCP_FIN_WAIT2, BOTH, 0, OWNER_IO},
		{TCP_ESTABLISHED, TCP_CLOSE, 0, ECONNRESET, OWNER_IO},
		{TCP_ESTABLISHED, TCP_CLOSE, BOTH, ECONNRESET, OWNER_IO},
		{TCP_SYN_SENT, TCP_ESTABLISHED, 0, 0, OWNER_IO},
	};
	static const struct event_task invisible = {.start_ns = 5, .comm = "elsewhere"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum owner_source got = source_of(cases[i].from, cases[i].to, cases[i].shutdown,
						  cases[i].error, &task);

		if (got != cases[i].wanted)
			fail_msg("case %zu: %s", i, owner_source_name(got));
		/* In softirq the current task is unrelated, and the record has no task. */
		assert_int_equal(source_of(cases[i].from, cases[i].to, cases[i].shutdown,
					   cases[i].error, NULL),
				 OWNER_UNKNOWN);
		/* A process in an invisible pid namespace cannot be named. */
		assert_int_equal(source_of(cases[i].from, cases[i].to, cases[i].shutdown,
					   cases[i].error, &invisible),
				 OWNER_UNKNOWN);
	}
}

/* `ss -K` closes the sockets of other processes. */
static void who_aborts_is_no_owner(void **state)
{
	static const unsigned int from[] = {TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_SYN_SENT,
					    TCP_LISTEN, TCP_FIN_WAIT2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		for (__u8 shutdown = 0; shutdown <= BOTH; shutdown++)
			assert_int_equal(
				source_of(from[i], TCP_CLOSE, shutdown, ECONNABORTED, &task),
				OWNER_UNKNOWN);
}

static void better_sources_replace_worse_ones(void **state)
{
	struct people *people = *state;
	struct tcp_socket *socket = &people->socket;

	for (int first = OWNER_UNKNOWN + 1; first < OWNER_SOURCES; first++) {
		for (int second = OWNER_UNKNOWN + 1; second < OWNER_SOURCES; second++) {
			memset(socket, 0, sizeof(*socket));
			people->a.sockets = people->b.sockets = 0;
			owner_learn(socket, &people->a, first);
			assert_ptr_equal(socket->owner, &people->a);
			assert_int_equal(socket->owner_source, first);
			owner_learn(socket, &people->b, second);
			assert_ptr_equal(socket->owner, second > first ? &people->b : &people->a);
			assert_int_equal(socket->owner_source, second > first ? second : first);
			assert_int_equal(people->a.sockets, second <= first);
			assert_int_equal(people->b.sockets, second > first);
			owner_release(socket);
			assert_null(socket->owner);
			assert_int_equal(socket->owner_source, OWNER_UNKNOWN);
			assert_int_equal(people->a.sockets + people->b.sockets, 0);
		}
	}
	owner_release(socket); /* of a socket without an owner */
	owner_learn(socket, NULL, OWNER_CONNECT);
	assert_null(socket->owner);
	assert_int_equal(socket->owner_source, OWNER_UNKNOWN);
}

static void ranks_are_accept_connect_listen_close_scan_io_listener(void **state)
{
	(void)state;
	assert_true(OWNER_ACCEPT > OWNER_CONNECT);
	assert_true(OWNER_CONNECT > OWNER_LISTEN);
	assert_true(OWNER_LISTEN > OWNER_CLOSE);
	assert_true(OWNER_CLOSE > OWNER_SNAPSHOT);
	assert_true(OWNER_SNAPSHOT > OWNER_IO);
	assert_true(OWNER_IO > OWNER_LISTENER);
	assert_true(OWNER_LISTENER > OWNER_UNKNOWN);
}

static void samples_wait_for_a_sure_owner(void **state)
{
	struct people *people = *state;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 1000);
	owner_learn(&people->socket, &people->a, OWNER_LISTENER);
	sample(people, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 2000);
	owner_learn(&people->socket, &people->a, OWNER_IO);
	sample(people, TCP_CLOSE_WAIT, TCP_LAST_ACK, DURATION_UNKNOWN);
	assert_int_equal(total(&people->a) + total(&people->unknown), 0);
	owner_learn(&people->socket, &people->b, OWNER_CLOSE);
	assert_int_equal(total(&people->a) + total(&people->unknown), 0);
	assert_int_equal(transitions(&people->b, TCP_SYN_RECV, TCP_ESTABLISHED), 1);
	assert_int_equal(transitions(&people->b, TCP_ESTABLISHED, TCP_CLOSE_WAIT), 1);
	assert_int_equal(transitions(&people->b, TCP_CLOSE_WAIT, TCP_LAST_ACK), 1);
	assert_int_equal(people->b.lifetimes[TCP_SYN_RECV]->sum_ns, 1000);
	assert_int_equal(people->b.lifetimes[TCP_ESTABLISHED]->sum_ns, 2000);
	assert_null(people->b.lifetimes[TCP_CLOSE_WAIT]);
	/* From now on samples are counted at once, and none twice. */
	sample(people, TCP_LAST_ACK, TCP_CLOSE, 3000);
	assert_int_equal(people->b.lifetimes[TCP_LAST_ACK]->sum_ns, 3000);
	owner_settle(&people->socket, &people->unknown);
	assert_int_equal(total(&people->b), 4);
	assert_int_equal(total(&people->unknown), 0);
}

static void sure_owners_get_them_at_once(void **state)
{
	static const enum owner_source sure[] = {OWNER_CLOSE, OWNER_LISTEN, OWNER_CONNECT,
						 OWNER_ACCEPT};
	struct people *people = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sure); i++) {
		memset(&people->socket, 0, sizeof(people->socket));
		owner_learn(&people->socket, &people->a, sure[i]);
		sample(people, TCP_ESTABLISHED, TCP_FIN_WAIT1, 1000);
		assert_int_equal(total(&people->a), i + 1);
	}
}

static void settling_takes_the_best_there_is(void **state)
{
	struct people *people = *state;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 1000);
	owner_settle(&people->socket, &people->unknown);
	assert_int_equal(total(&people->unknown), 1);
	owner_settle(&people->socket, &people->unknown);
	assert_int_equal(total(&people->unknown), 1);
	sample(people, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 2000);
	owner_learn(&people->socket, &people->a, OWNER_LISTENER);
	owner_settle(&people->socket, &people->unknown);
	assert_int_equal(total(&people->a), 1);
	assert_int_equal(people->a.lifetimes[TCP_ESTABLISHED]->sum_ns, 2000);
	assert_int_equal(total(&people->unknown), 1);
}

/* If too many wait, the oldest are counted for the best known owner; none is lost. */
static void overflow_gives_the_oldest_away(void **state)
{
	struct people *people = *state;

	for (unsigned int i = 0; i < SOCKET_SAMPLES; i++)
		sample(people, 1 + i, TCP_CLOSE, 1000 + i);
	assert_int_equal(total(&people->unknown), 0);
	sample(people, 1 + SOCKET_SAMPLES, TCP_CLOSE, 5000);
	assert_int_equal(total(&people->unknown), 1);
	assert_int_equal(transitions(&people->unknown, 1, TCP_CLOSE), 1);
	assert_int_equal(people->unknown.lifetimes[1]->sum_ns, 1000);
	owner_learn(&people->socket, &people->a, OWNER_LISTENER);
	sample(people, 2 + SOCKET_SAMPLES, TCP_CLOSE, 6000);
	assert_int_equal(total(&people->a), 1);
	assert_int_equal(transitions(&people->a, 2, TCP_CLOSE), 1);
	owner_learn(&people->socket, &people->b, OWNER_CLOSE);
	assert_int_equal(total(&people->b), SOCKET_SAMPLES);
	for (unsigned int i = 2; i < SOCKET_SAMPLES + 2; i++)
		assert_int_equal(transitions(&people->b, 1 + i, TCP_CLOSE), 1);
	assert_int_equal(people->b.lifetimes[2 + SOCKET_SAMPLES]->sum_ns, 6000);
}

/* A waiting sample is packed: every state and duration must be read as it was written. */
static void waiting_samples_keep_their_values(void **state)
{
	static const uint64_t durations[] = {0,
					     1,
					     NS_PER_S,
					     (uint64_t)UINT32_MAX + 1,
					     7 * 86400 * NS_PER_S,
					     800 * 86400 * NS_PER_S};
	struct people *people = *state;

	for (unsigned int from = 1; from < TCP_STATES; from++) {
		for (unsigned int to = 1; to < TCP_STATES; to++) {
			for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
				clear(&people->a);
				memset(&people->a, 0, sizeof(people->a));
				memset(&people->socket, 0, sizeof(people->socket));
				people->a.watched = true;
				sample(people, from, to, durations[i]);
				owner_learn(&people->socket, &people->a, OWNER_CONNECT);
				assert_int_equal(transitions(&people->a, from, to), 1);
				assert_int_equal(total(&people->a), 1);
				assert_int_equal(people->a.lifetimes[from]->max_ns, durations[i]);
			}
		}
	}
}

/* A duration that is too long becomes unknown, never another duration. */
static void endless_durations_are_unknown(void **state)
{
	static const uint64_t durations[] = {1ULL << 56, (1ULL << 60) + 5, UINT64_MAX - 1,
					     DURATION_UNKNOWN};
	struct people *people = *state;

	for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
		sample(people, TCP_LISTEN, TCP_CLOSE, durations[i]);
	owner_settle(&people->socket, &people->a);
	assert_int_equal(transitions(&people->a, TCP_LISTEN, TCP_CLOSE), ARRAY_SIZE(durations));
	assert_null(people->a.lifetimes[TCP_LISTEN]);
}

static void learn_holders(struct tcp_socket *socket, struct process *oldest, struct process *other)
{
	struct owner_tally tally = {0};

	owner_tally_add(&tally, socket, oldest);
	owner_tally_add(&tally, socket, oldest); /* with two descriptors */
	if (other)
		owner_tally_add(&tally, socket, other);
	owner_learn_holders(socket, &tally);
}

static void the_only_holder_gets_the_samples(void **state)
{
	struct people *people = *state;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 1000);
	owner_learn(&people->socket, &people->a, OWNER_LISTENER);
	learn_holders(&people->socket, &people->b, NULL);
	assert_ptr_equal(people->socket.owner, &people->b);
	assert_int_equal(people->socket.owner_source, OWNER_SNAPSHOT);
	assert_int_equal(total(&people->b), 1);
	assert_int_equal(people->a.sockets, 0);
	assert_int_equal(people->b.sockets, 1);
}

/* It is not known which of them will close it: the samples still wait. */
static void one_of_several_holders_does_not(void **state)
{
	struct people *people = *state;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 1000);
	learn_holders(&people->socket, &people->a, &people->b);
	assert_ptr_equal(people->socket.owner, &people->a);
	assert_int_equal(people->socket.owner_source, OWNER_SNAPSHOT);
	assert_int_equal(total(&people->a), 0);
	/* A later scan shows that it was passed on. */
	learn_holders(&people->socket, &people->b, &people->unknown);
	assert_ptr_equal(people->socket.owner, &people->b);
	assert_int_equal(people->a.sockets, 0);
	assert_int_equal(people->b.sockets, 1);
	owner_learn(&people->socket, &people->a, OWNER_IO);
	assert_ptr_equal(people->socket.owner, &people->b);
	owner_learn(&people->socket, &people->a, OWNER_CLOSE);
	assert_int_equal(total(&people->a), 1);
	assert_int_equal(total(&people->b), 0);
}

static void sure_owners_that_still_hold_it_stay(void **state)
{
	struct people *people = *state;

	for (int source = OWNER_CLOSE; source < OWNER_SOURCES; source++) {
		memset(&people->socket, 0, sizeof(people->socket));
		people->a.sockets = 0;
		owner_learn(&people->socket, &people->a, source);
		learn_holders(&people->socket, &people->b, &people->a);
		assert_ptr_equal(people->socket.owner, &people->a);
		assert_int_equal(people->socket.owner_source, source);
		assert_int_equal(people->a.sockets, 1);
	}
	assert_int_equal(people->b.sockets, 0);
}

/* The owner connected, forked, and closed its own descriptor. */
static void sure_owners_that_passed_it_on_do_not(void **state)
{
	struct people *people = *state;

	owner_learn(&people->socket, &people->a, OWNER_CONNECT);
	sample(people, TCP_SYN_SENT, TCP_ESTABLISHED, 1000);
	learn_holders(&people->socket, &people->b, NULL);
	assert_ptr_equal(people->socket.owner, &people->b);
	assert_int_equal(people->socket.owner_source, OWNER_SNAPSHOT);
	assert_int_equal(people->a.sockets, 0);
	assert_int_equal(people->b.sockets, 1);
	/* Earlier samples stay with it; later ones wait for the process that closes. */
	assert_int_equal(total(&people->a), 1);
	sample(people, TCP_ESTABLISHED, TCP_FIN_WAIT1, 2000);
	assert_int_equal(total(&people->a) + total(&people->b), 1);
	owner_learn(&people->socket, &people->b, OWNER_CLOSE);
	assert_int_equal(total(&people->b), 1);
}

static void without_holders_nothing_is_learned(void **state)
{
	struct people *people = *state;
	struct owner_tally nobody = {0};

	owner_learn_holders(&people->socket, &nobody);
	assert_null(people->socket.owner);
	owner_learn(&people->socket, &people->a, OWNER_CONNECT);
	owner_learn_holders(&people->socket, &nobody);
	assert_ptr_equal(people->socket.owner, &people->a);
	assert_int_equal(people->socket.owner_source, OWNER_CONNECT);
}

/* The names are part of the output format JSON Lines. */
static void sources_keep_their_names(void **state)
{
	(void)state;
	assert_string_equal(owner_source_name(OWNER_CONNECT), "connect");
	assert_string_equal(owner_source_name(OWNER_ACCEPT), "accept");
	assert_string_equal(owner_source_name(OWNER_LISTEN), "listen");
	assert_string_equal(owner_source_name(OWNER_CLOSE), "close");
	assert_string_equal(owner_source_name(OWNER_IO), "io");
	assert_string_equal(owner_source_name(OWNER_LISTENER), "listener");
	assert_string_equal(owner_source_name(OWNER_SNAPSHOT), "snapshot");
	assert_string_equal(owner_source_name(OWNER_UNKNOWN), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_new, people_free)

/* The time in the accept queue, in any states. */
static void waiting_samples_add_up(void **state)
{
	struct people *people = *state;
	const struct tcp_socket *socket = &people->socket;

	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), DURATION_UNKNOWN);
	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 5000);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), 0);
	assert_int_equal(owner_waited_since(socket, TCP_ESTABLISHED), DURATION_UNKNOWN);
	sample(people, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 70);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), 70);
	sample(people, TCP_CLOSE_WAIT, TCP_CLOSE, 200);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), 270);
	assert_int_equal(owner_waited_since(socket, TCP_ESTABLISHED), 200);
	assert_int_equal(owner_waited_since(socket, TCP_CLOSE_WAIT), 0);
	assert_int_equal(owner_waited_since(socket, TCP_FIN_WAIT1), DURATION_UNKNOWN);
}

/* An unknown time in the state itself does not matter; one after it makes the sum unknown. */
static void unknown_samples_make_it_unknown(void **state)
{
	struct people *people = *state;
	const struct tcp_socket *socket = &people->socket;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, DURATION_UNKNOWN);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), 0);
	sample(people, TCP_ESTABLISHED, TCP_CLOSE_WAIT, DURATION_UNKNOWN);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), DURATION_UNKNOWN);
	sample(people, TCP_CLOSE_WAIT, TCP_CLOSE, 1);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), DURATION_UNKNOWN);
	assert_int_equal(owner_waited_since(socket, TCP_ESTABLISHED), 1);
}

/* Samples that were counted already are missing in the sum, so it is unknown. */
static void samples_that_do_not_wait_are_not_known(void **state)
{
	struct people *people = *state;
	const struct tcp_socket *socket = &people->socket;

	sample(people, TCP_SYN_RECV, TCP_ESTABLISHED, 5);
	for (int i = 0; i < SOCKET_SAMPLES; i++)
		sample(people, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 10);
	assert_int_equal(owner_waited_since(socket, TCP_SYN_RECV), DURATION_UNKNOWN);
	assert_int_equal(owner_waited_since(socket, TCP_ESTABLISHED), 0); /* the last one */
	owner_learn(&people->socket, &people->a, OWNER_CLOSE);
	assert_int_equal(owner_waited_since(socket, TCP_ESTABLISHED), DURATION_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(actors_are_known_by_what_they_do),
		TEST(who_aborts_is_no_owner),
		TEST(better_sources_replace_worse_ones),
		TEST(ranks_are_accept_connect_listen_close_scan_io_listener),
		TEST(samples_wait_for_a_sure_owner),
		TEST(sure_owners_get_them_at_once),
		TEST(settling_takes_the_best_there_is),
		TEST(overflow_gives_the_oldest_away),
		TEST(waiting_samples_keep_their_values),
		TEST(endless_durations_are_unknown),
		TEST(the_only_holder_gets_the_samples),
		TEST(one_of_several_holders_does_not),
		TEST(sure_owners_that_still_hold_it_stay),
		TEST(sure_owners_that_passed_it_on_do_not),
		TEST(without_holders_nothing_is_learned),
		TEST(sources_keep_their_names),
		TEST(waiting_samples_add_up),
		TEST(unknown_samples_make_it_unknown),
		TEST(samples_that_do_not_wait_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
