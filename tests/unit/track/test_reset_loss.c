// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "track/reset_loss.h"

#define SEND 2
#define BOTH 3
#define DONE EVENT_DONE
#define DEAD EVENT_DEAD
#define MSS  1460
#define LOTS 100000

#define C ROLE_CLIENT
#define S ROLE_SERVER
#define U ROLE_UNKNOWN

#define GOT   CAUSE_RESET_RECEIVED
#define SENT  CAUSE_RESET_SENT
#define ABORT CAUSE_ABORT

/* An end of a connection; `sent` and `read` are what it did before. */
struct end {
	const char *what;
	enum reset_loss wanted;
	enum socket_role role;
	enum cause cause;
	__u8 from;
	bool sent;
	bool read;
	__u16 flags;
	__u32 unread; /* with the FIN */
	__u32 unacked;
	__u8 shutdown;
};

static struct event_transition transition_of(const struct end *end, const struct event_flow *flow)
{
	struct event_transition e = make_transition(1, flow, end->from, TCP_CLOSE, START_NS);

	e.flow.flags = end->flags;
	e.shutdown = end->shutdown;
	e.recv_queue = end->unread;
	e.unacknowledged = end->unacked;
	e.mss = MSS;
	return e;
}

static enum reset_loss loss_of(struct reset_recent *recent, const struct end *end,
			       const struct event_flow *wire)
{
	struct tcp_socket socket = {
		.role = end->role, .opened = 1, .sent = end->sent, .read = end->read};
	struct event_transition e = transition_of(end, wire);
	struct flow flow;

	flow_read(&flow, wire, NETNS);
	return reset_loss_of(recent, &socket, &flow, &e, end->cause);
}

static void check_ends(const struct end *ends, size_t count)
{
	struct event_flow flow = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);

	for (size_t i = 0; i < count; i++) {
		struct reset_recent recent = {0};
		enum reset_loss got = loss_of(&recent, &ends[i], &flow);

		if (got != ends[i].wanted)
			fail_msg("%s: %d", ends[i].what, got);
	}
}

#define CHECK_ENDS(ends) check_ends(ends, ARRAY_SIZE(ends))

static void harmless(void **state)
{
	static const struct end ends[] = {
		{"a health check without data", 0, C, ABORT, TCP_ESTABLISHED, .flags = 0},
		{"... as its server sees it", 0, S, GOT, TCP_ESTABLISHED, .flags = 0},
		{"... that does not read the banner", 0, C, SENT, TCP_ESTABLISHED, .unread = 80},
		{"... as its server sees it", 0, S, GOT, TCP_ESTABLISHED, .sent = 1, .unacked = 80},
		{"... that reads an answer", 0, C, ABORT, TCP_ESTABLISHED, .sent = 1, .read = 1},
		{"... as its server sees it", 0, S, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = 200},
		{"... whose server has closed", 0, S, GOT, TCP_FIN_WAIT2, .sent = 1, .read = 1,
		 .flags = DEAD, .shutdown = BOTH},
		{"... before the ACK of that", 0, S, GOT, TCP_FIN_WAIT1, .sent = 1, .read = 1,
		 .flags = DEAD, .unacked = 201, .shutdown = BOTH},
		{"a proxy closes an idle connection", 0, C, ABORT, TCP_ESTABLISHED, .sent = 1,
		 .read = 1},
		{"... of TLS, with close_notify", 0, C, ABORT, TCP_ESTABLISHED, .sent = 1,
		 .read = 1, .flags = EVENT_SENT_LAST, .unacked = 31},
		{"a server closes an idle connection", 0, S, ABORT, TCP_ESTABLISHED, .sent = 1,
		 .read = 1, .flags = EVENT_SENT_LAST},
		{"... as its client sees it", 0, C, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .flags = EVENT_RECEIVED_LAST},
		{"last words of a TLS server", 0, S, GOT, TCP_CLOSE_WAIT, .sent = 1, .read = 1,
		 .flags = DONE, .unacked = 24},
		{"... after close()", 0, S, GOT, TCP_LAST_ACK, .sent = 1, .read = 1,
		 .flags = DONE | DEAD, .unacked = 25, .shutdown = BOTH},
		{"... as its client sees it", 0, C, SENT, TCP_FIN_WAIT1, .sent = 1, .read = 1,
		 .flags = DEAD, .shutdown = BOTH},
		{"QUIT to a server that has closed", 0, C, GOT, TCP_CLOSE_WAIT, .sent = 1,
		 .read = 1, .flags = DONE, .unread = 1, .unacked = 6},
		{"close_notify unread, after the FIN", 0, C, SENT, TCP_CLOSE_WAIT, .sent = 1,
		 .read = 1, .flags = DONE, .unread = 25},
		{"nobody knows the role", 0, U, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1},
		{"no reset at all", 0, S, CAUSE_FIN, TCP_LAST_ACK, .sent = 1, .read = 1,
		 .flags = DONE, .unacked = LOTS},
		{"a timeout", 0, C, CAUSE_TIMEOUT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = LOTS},
	};

	(void)state;
	CHECK_ENDS(ends);
}

static void unanswered(void **state)
{
	enum reset_loss no_answer = RESET_UNANSWERED;
	const struct end ends[] = {
		{"a server refuses to talk", no_answer, S, ABORT, TCP_ESTABLISHED, .flags = 0},
		{"... as its client sees it", no_answer, C, GOT, TCP_ESTABLISHED, .flags = 0},
		{"a server drops a request", no_answer, S, ABORT, TCP_ESTABLISHED, .read = 1},
		{"... that is not the first", no_answer, S, ABORT, TCP_ESTABLISHED, .sent = 1,
		 .read = 1, .flags = EVENT_RECEIVED_LAST},
		{"... as its client sees it", no_answer, C, GOT, TCP_ESTABLISHED, .sent = 1,
		 .read = 1, .flags = EVENT_SENT_LAST},
		{"a client gives up", no_answer, C, ABORT, TCP_ESTABLISHED, .sent = 1},
		{"... as its server sees it", no_answer, S, GOT, TCP_ESTABLISHED, .read = 1},
		{"... before it has read that", no_answer, S, GOT, TCP_ESTABLISHED, .unread = 7},
		{"a half-closed client waits", no_answer, C, GOT, TCP_FIN_WAIT2, .sent = 1,
		 .shutdown = SEND},
		{"... and is dropped", no_answer, S, ABORT, TCP_CLOSE_WAIT, .read = 1,
		 .flags = DONE},
		{"closed before the request came", no_answer, S, SENT, TCP_FIN_WAIT1, .flags = DEAD,
		 .shutdown = BOTH},
	};

	(void)state;
	CHECK_ENDS(ends);
}

static void lost_data(void **state)
{
	enum reset_loss lost = RESET_LOST_DATA;
	const struct end ends[] = {
		{"a request is not read", lost, S, SENT, TCP_ESTABLISHED, .unread = 7},
		{"... before the FIN behind it", lost, S, SENT, TCP_CLOSE_WAIT, .flags = DONE,
		 .unread = 8},
		{"an answer is not read", lost, C, SENT, TCP_ESTABLISHED, .sent = 1, .unread = 6},
		{"... to its end", lost, C, SENT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unread = 6},
		{"... before a FIN", lost, C, SENT, TCP_CLOSE_WAIT, .sent = 1, .read = 1,
		 .flags = DONE, .unread = 1000},
		{"a stream that nobody asked for", lost, C, SENT, TCP_ESTABLISHED, .unread = LOTS},
		{"a response in flight", lost, S, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = LOTS},
		{"... after close()", lost, S, GOT, TCP_FIN_WAIT1, .sent = 1, .read = 1,
		 .flags = DEAD, .unacked = LOTS, .shutdown = BOTH},
		{"... to a client that gave up", lost, S, GOT, TCP_CLOSE_WAIT, .sent = 1, .read = 1,
		 .flags = DONE, .unacked = LOTS},
		{"a response is discarded", lost, S, ABORT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = 100},
		{"a request meets a reset", lost, C, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = 300},
		{"a request to a closed server", lost, C, GOT, TCP_CLOSE_WAIT, .sent = 1, .read = 1,
		 .flags = DONE, .unread = 1, .unacked = 300},
		{"... the first one", lost, C, GOT, TCP_CLOSE_WAIT, .sent = 1, .flags = DONE,
		 .unread = 1, .unacked = 7},
		{"nobody knows the role", lost, U, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1,
		 .unacked = LOTS},
	};

	(void)state;
	CHECK_ENDS(ends);
}

/* The server cannot know that its acknowledged answer was not read; the client's end does. */
static void both_ends_are_here(void **state)
{
	static const struct end blind = {"", 0, C, SENT, TCP_ESTABLISHED, .sent = 1, .unread = 6},
				idle = {"", 0, C, ABORT, TCP_ESTABLISHED, .sent = 1, .read = 1},
				server = {"", 0, S, GOT, TCP_ESTABLISHED, .sent = 1, .read = 1};
	struct event_flow there = make_flow("10.0.0.2", 80, "10.0.0.1", 40000);
	struct event_flow other = make_flow("10.0.0.2", 80, "10.0.0.1", 40001);
	struct event_flow here = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);
	struct reset_recent recent = {0};

	(void)state;
	assert_int_equal(loss_of(&recent, &blind, &here), RESET_LOST_DATA);
	assert_int_equal(loss_of(&recent, &server, &other), RESET_HARMLESS);
	assert_int_equal(loss_of(&recent, &server, &there), RESET_LOST_DATA);
	/* It is used up. */
	assert_int_equal(loss_of(&recent, &server, &there), RESET_HARMLESS);
	assert_int_equal(loss_of(&recent, &idle, &here), RESET_HARMLESS);
	assert_int_equal(loss_of(&recent, &server, &there), RESET_HARMLESS);
	/* Only so many are remembered. */
	loss_of(&recent, &blind, &here);
	for (unsigned int i = 0; i < RESET_RECENT; i++)
		loss_of(&recent, &idle, &other);
	assert_int_equal(loss_of(&recent, &server, &there), RESET_HARMLESS);
}

/* What passed is the difference of sequence numbers; a FIN that was read is no data. */
static void data_that_passed(void **state)
{
	struct event_flow flow = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);
	struct tcp_socket socket = {.write_seq = UINT32_MAX, .copied_seq = 5};
	struct event_transition e =
		make_transition(1, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS);

	(void)state;
	e.flow.flags = EVENT_DONE;
	e.write_seq = UINT32_MAX;
	e.copied_seq = 5;
	e.recv_queue = 8;
	reset_note_data(&socket, &e);
	assert_false(socket.sent || socket.read);
	e.from = TCP_CLOSE_WAIT;
	e.recv_queue = 0;
	e.copied_seq = 6;
	reset_note_data(&socket, &e);
	assert_false(socket.sent || socket.read);
	e.copied_seq = 13;
	reset_note_data(&socket, &e);
	assert_true(socket.read);
	e.write_seq = 0; /* it wraps around */
	reset_note_data(&socket, &e);
	assert_true(socket.sent);
	socket = (struct tcp_socket){.write_seq = 1};
	e.from = TCP_LAST_ACK;
	reset_note_data(&socket, &e);
	assert_false(socket.sent || socket.read);
}

static void older_than_tcpwatch(void **state)
{
	struct event_flow wire = make_flow("10.0.0.1", 40000, "10.0.0.2", 80);
	struct tcp_socket socket = {.role = ROLE_UNKNOWN};
	struct reset_recent recent = {0};
	struct event_transition e = make_transition(1, &wire, TCP_ESTABLISHED, TCP_CLOSE, START_NS);
	struct flow flow;

	(void)state;
	flow_read(&flow, &wire, NETNS);
	assert_int_equal(reset_loss_of(&recent, &socket, &flow, &e, GOT), RESET_HARMLESS);
	assert_int_equal(reset_loss_of(&recent, NULL, &flow, &e, GOT), RESET_HARMLESS);
	e.recv_queue = 1;
	assert_int_equal(reset_loss_of(&recent, NULL, &flow, &e, SENT), RESET_LOST_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless),	    cmocka_unit_test(unanswered),
		cmocka_unit_test(lost_data),	    cmocka_unit_test(both_ends_are_here),
		cmocka_unit_test(data_that_passed), cmocka_unit_test(older_than_tcpwatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
