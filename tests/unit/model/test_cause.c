// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "model/cause.h"

#define RCV  1
#define SEND 2
#define BOTH 3

#define ACTOR	EVENT_ACTOR
#define HELD	EVENT_SK_SOCKET
#define DEAD	EVENT_DEAD
#define DONE	EVENT_DONE
#define LINGER	EVENT_LINGER
#define LINGER2 EVENT_LINGER2_NEG

/* A transition to CLOSE with the kernel's fields, and its cause. */
struct exit {
	const char *what;
	enum cause wanted;
	__u8 from;
	__u8 shutdown;
	__u16 flags;
	__u32 error;
	__u32 recv_queue;
};

static enum cause cause_to(const struct exit *exit, unsigned int to)
{
	struct event_flow flow = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);
	struct event_task task = make_task(100, 5, "curl");
	struct event_transition e = make_transition(1, &flow, exit->from, to, START_NS), *exact;
	enum cause cause;

	if (exit->flags & EVENT_ACTOR)
		make_actor(&e, &task);
	e.flow.flags = exit->flags;
	e.shutdown = exit->shutdown;
	e.error = exit->error;
	e.recv_queue = exit->recv_queue;
	exact = make_exact(&e);
	cause = cause_of(exact);
	free(exact);
	return cause;
}

static void check_exits(const struct exit *exits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum cause got = cause_to(&exits[i], TCP_CLOSE);

		if (got != exits[i].wanted)
			fail_msg("%s: %s", exits[i].what,
				 cause_name(got) ? cause_name(got) : "null");
	}
}

#define CHECK_EXITS(exits) check_exits(exits, ARRAY_SIZE(exits))

static void ends_with_an_error(void **state)
{
	static const struct exit exits[] = {
		{"reset", CAUSE_RESET_RECEIVED, TCP_ESTABLISHED, 0, HELD, ECONNRESET, 0},
		{"reset with data unread", CAUSE_RESET_RECEIVED, TCP_ESTABLISHED, 0, HELD,
		 ECONNRESET, 100},
		{"reset in FIN_WAIT1", CAUSE_RESET_RECEIVED, TCP_FIN_WAIT1, SEND, HELD, ECONNRESET,
		 0},
		{"reset in FIN_WAIT2", CAUSE_RESET_RECEIVED, TCP_FIN_WAIT2, SEND, HELD, ECONNRESET,
		 0},
		{"reset of an orphan", CAUSE_RESET_RECEIVED, TCP_FIN_WAIT2, BOTH, DEAD, ECONNRESET,
		 0},
		{"reset in LAST_ACK", CAUSE_RESET_RECEIVED, TCP_LAST_ACK, BOTH, DEAD | DONE,
		 ECONNRESET, 0},
		{"reset in CLOSING", CAUSE_RESET_RECEIVED, TCP_CLOSING, BOTH, DEAD | DONE,
		 ECONNRESET, 0},
		{"reset in the accept queue", CAUSE_RESET_RECEIVED, TCP_ESTABLISHED, 0, 0,
		 ECONNRESET, 0},
		{"reset from a backlog", CAUSE_RESET_RECEIVED, TCP_ESTABLISHED, 0, ACTOR | HELD,
		 ECONNRESET, 0},
		{"reset in CLOSE_WAIT is EPIPE", CAUSE_RESET_RECEIVED, TCP_CLOSE_WAIT, RCV,
		 HELD | DONE, EPIPE, 1},
		{"refused", CAUSE_REFUSED, TCP_SYN_SENT, 0, HELD, ECONNREFUSED, 0},
		{"SYN without answer", CAUSE_TIMEOUT, TCP_SYN_SENT, 0, HELD, ETIMEDOUT, 0},
		{"retransmissions or keepalive gave up", CAUSE_TIMEOUT, TCP_ESTABLISHED, 0, HELD,
		 ETIMEDOUT, 0},
		{"FIN not acknowledged", CAUSE_TIMEOUT, TCP_FIN_WAIT1, BOTH, DEAD, ETIMEDOUT, 0},
		{"last ACK does not come", CAUSE_TIMEOUT, TCP_LAST_ACK, BOTH, DEAD | DONE,
		 ETIMEDOUT, 0},
		{"ss -K", CAUSE_ABORT, TCP_ESTABLISHED, 0, ACTOR | HELD, ECONNABORTED, 0},
		{"ss -K in CLOSE_WAIT", CAUSE_ABORT, TCP_CLOSE_WAIT, RCV, ACTOR | HELD | DONE,
		 ECONNABORTED, 1},
		{"an error that says nothing", CAUSE_NONE, TCP_ESTABLISHED, 0, HELD, EINVAL, 0},
	};

	(void)state;
	CHECK_EXITS(exits);
}

/* icmp_err_convert[] of net/ipv4/icmp.c and tab_unreach[] of net/ipv6/icmp.c: the answers of a
 * router or a firewall to a SYN. */
static void icmp_is_unreachable(void **state)
{
	static const struct exit exits[] = {
		{"host", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, EHOSTUNREACH, 0},
		{"network", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, ENETUNREACH, 0},
		{"host unknown", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, EHOSTDOWN, 0},
		{"protocol", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, ENOPROTOOPT, 0},
		{"parameter problem", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, EPROTO, 0},
	};

	(void)state;
	CHECK_EXITS(exits);
}

static void icmp_prohibitions_are_unreachable(void **state)
{
	static const struct exit exits[] = {
		{"ICMPv6 prohibited", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, EACCES, 0},
		{"host isolated", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, ENONET, 0},
		{"source route failed", CAUSE_UNREACHABLE, TCP_SYN_SENT, 0, HELD, EOPNOTSUPP, 0},
	};

	(void)state;
	CHECK_EXITS(exits);
}

static void lawful_ends(void **state)
{
	static const struct exit exits[] = {
		{"last ACK", CAUSE_FIN, TCP_LAST_ACK, BOTH, DEAD | DONE, 0, 0},
		{"last ACK, in a backlog", CAUSE_FIN, TCP_LAST_ACK, BOTH, ACTOR | HELD | DONE, 0,
		 0},
		{"peer's FIN in FIN_WAIT2", CAUSE_TIME_WAIT, TCP_FIN_WAIT2, BOTH, DEAD | DONE, 0,
		 1},
		{"peer's FIN in FIN_WAIT2, held", CAUSE_TIME_WAIT, TCP_FIN_WAIT2, BOTH, HELD | DONE,
		 0, 1},
		{"the same with data before it", CAUSE_TIME_WAIT, TCP_FIN_WAIT2, BOTH, HELD | DONE,
		 0, 500},
		{"simultaneous close", CAUSE_TIME_WAIT, TCP_CLOSING, BOTH, DEAD | DONE, 0, 1},
		{"simultaneous close, held", CAUSE_TIME_WAIT, TCP_CLOSING, BOTH, HELD | DONE, 0, 1},
		{"ACK and FIN in one segment", CAUSE_TIME_WAIT, TCP_FIN_WAIT1, BOTH, DEAD | DONE, 0,
		 1},
		{"orphan's FIN_WAIT2 goes on", CAUSE_ORPHAN, TCP_FIN_WAIT2, BOTH, DEAD, 0, 0},
		{"TCP_LINGER2 < 0", CAUSE_RESET_SENT, TCP_FIN_WAIT2, BOTH, DEAD | LINGER2, 0, 0},
		{"data after close()", CAUSE_RESET_SENT, TCP_FIN_WAIT1, BOTH, DEAD, 0, 0},
		{"FIN comes before TCP_LINGER2 matters", CAUSE_TIME_WAIT, TCP_FIN_WAIT2, BOTH,
		 DEAD | DONE | LINGER2, 0, 1},
	};

	(void)state;
	CHECK_EXITS(exits);
}

static void ends_by_the_process(void **state)
{
	static const struct exit exits[] = {
		{"close() with data unread", CAUSE_RESET_SENT, TCP_ESTABLISHED, BOTH, ACTOR | HELD,
		 0, 1},
		{"the same in CLOSE_WAIT", CAUSE_RESET_SENT, TCP_CLOSE_WAIT, BOTH,
		 ACTOR | HELD | DONE, 0, 2},
		{"the same after shutdown()", CAUSE_RESET_SENT, TCP_FIN_WAIT1, BOTH, ACTOR | HELD,
		 0, 10},
		{"the same in FIN_WAIT2", CAUSE_RESET_SENT, TCP_FIN_WAIT2, BOTH, ACTOR | HELD, 0,
		 10},
		{"and SO_LINGER does not matter then", CAUSE_RESET_SENT, TCP_ESTABLISHED, BOTH,
		 ACTOR | HELD | LINGER, 0, 1},
		{"SO_LINGER 0", CAUSE_ABORT, TCP_ESTABLISHED, BOTH, ACTOR | HELD | LINGER, 0, 0},
		/* The FIN counts 1 in the queue and is no data. */
		{"SO_LINGER 0 in CLOSE_WAIT, FIN unread", CAUSE_ABORT, TCP_CLOSE_WAIT, BOTH,
		 ACTOR | HELD | DONE | LINGER, 0, 1},
		{"SO_LINGER 0 in CLOSE_WAIT, FIN read", CAUSE_ABORT, TCP_CLOSE_WAIT, BOTH,
		 ACTOR | HELD | DONE | LINGER, 0, 0},
		{"connect(AF_UNSPEC)", CAUSE_DISCONNECT, TCP_ESTABLISHED, 0, ACTOR | HELD, 0, 0},
		{"connect(AF_UNSPEC) with data unread", CAUSE_DISCONNECT, TCP_ESTABLISHED, 0,
		 ACTOR | HELD, 0, 50},
		{"connect(AF_UNSPEC) in CLOSE_WAIT", CAUSE_DISCONNECT, TCP_CLOSE_WAIT, RCV,
		 ACTOR | HELD | DONE, 0, 1},
		{"no port, no route", CAUSE_LOCAL_ERROR, TCP_SYN_SENT, 0, ACTOR | HELD, 0, 0},
		{"close() while connecting", CAUSE_CLOSED, TCP_SYN_SENT, BOTH, ACTOR | HELD, 0, 0},
	};

	(void)state;
	CHECK_EXITS(exits);
}

static void ends_by_nobody(void **state)
{
	static const struct exit exits[] = {
		{"listener closed", CAUSE_LISTENER_CLOSED, TCP_ESTABLISHED, 0, 0, 0, 0},
		{"listener closed, data waits", CAUSE_LISTENER_CLOSED, TCP_ESTABLISHED, 0, 0, 0, 9},
		{"listener closed, peer had closed", CAUSE_LISTENER_CLOSED, TCP_CLOSE_WAIT, RCV,
		 DONE, 0, 1},
		{"listener closed, Fast Open", CAUSE_LISTENER_CLOSED, TCP_SYN_RECV, 0, 0, 0, 0},
		/* tcp_out_of_resources(), the end of a netns, TCP_REPAIR: they cannot be
		   distinguished. */
		{"held, no error, no actor", CAUSE_NONE, TCP_ESTABLISHED, 0, HELD, 0, 0},
		{"held, no error, no actor, CLOSE_WAIT", CAUSE_NONE, TCP_CLOSE_WAIT, RCV,
		 HELD | DONE, 0, 1},
		{"SYN_SENT, no error, no actor", CAUSE_NONE, TCP_SYN_SENT, 0, HELD, 0, 0},
		{"FIN_WAIT2, no error, no actor", CAUSE_NONE, TCP_FIN_WAIT2, 2, HELD, 0, 0},
		{"TCP_REPAIR, closed", CAUSE_NONE, TCP_ESTABLISHED, BOTH, ACTOR | HELD, 0, 0},
		{"listener's own end", CAUSE_NONE, TCP_LISTEN, BOTH, ACTOR | HELD, 0, 0},
		{"listener aborted", CAUSE_NONE, TCP_LISTEN, 0, ACTOR | HELD, ECONNABORTED, 0},
	};

	(void)state;
	CHECK_EXITS(exits);
}

/* Transitions to other states have no cause, whatever the fields are. */
static void only_ends_have_a_cause(void **state)
{
	static const __u32 errors[] = {0, ECONNRESET, ETIMEDOUT};

	(void)state;
	for (unsigned int from = 1; from < TCP_STATES; from++) {
		for (unsigned int to = 1; to < TCP_STATES; to++) {
			for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
				struct exit exit = {.from = (__u8)from,
						    .flags = DONE | DEAD,
						    .error = errors[i]};

				if (to != TCP_CLOSE)
					assert_int_equal(cause_to(&exit, to), CAUSE_NONE);
			}
		}
	}
}

/* The names are part of the output format JSON Lines, and one word each. */
static void names(void **state)
{
	(void)state;
	assert_null(cause_name(CAUSE_NONE));
	assert_string_equal(cause_name(CAUSE_FIN), "fin");
	assert_string_equal(cause_name(CAUSE_RESET_RECEIVED), "reset_received");
	assert_string_equal(cause_name(CAUSE_RESET_SENT), "reset_sent");
	assert_string_equal(cause_name(CAUSE_TIMEOUT), "timeout");
	assert_string_equal(cause_name(CAUSE_TIME_WAIT), "time_wait");
	assert_string_equal(cause_name(CAUSE_REFUSED), "refused");
	assert_string_equal(cause_name(CAUSE_ABORT), "abort");
	for (int i = CAUSE_NONE + 1; i < CAUSES; i++) {
		assert_non_null(cause_name(i));
		assert_int_equal(strspn(cause_name(i), "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(cause_name(i)));
		for (int j = CAUSE_NONE + 1; j < i; j++)
			assert_string_not_equal(cause_name(i), cause_name(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_with_an_error),
		cmocka_unit_test(icmp_is_unreachable),
		cmocka_unit_test(icmp_prohibitions_are_unreachable),
		cmocka_unit_test(lawful_ends),
		cmocka_unit_test(ends_by_the_process),
		cmocka_unit_test(ends_by_nobody),
		cmocka_unit_test(only_ends_have_a_cause),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
