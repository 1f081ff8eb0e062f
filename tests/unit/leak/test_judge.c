// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "leak/judge.h"

#define TICK_NS	     (4 * NS_PER_MS)
#define TICKS(ns)    ((uint32_t)((ns) / TICK_NS))
#define THRESHOLD_NS (10 * NS_PER_S)
#define NOW_NS	     (START_NS + THRESHOLD_NS)

/* The values at START_NS, and a socket that did nothing since: the end of stream was read. */
static struct tcp_socket a_socket(void)
{
	return (struct tcp_socket){.cookie = 1,
				   .state = TCP_CLOSE_WAIT,
				   .since_ns = START_NS,
				   .since_known = 1,
				   .write_seq = 5000,
				   .copied_seq = 7000};
}

static struct event_scan a_record(bool held)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	struct event_task task = make_task(100, 5, "nginx");
	struct event_scan record =
		make_scan(1, &flow, TCP_CLOSE_WAIT, held ? &task : NULL, 7, NOW_NS);

	record.write_seq = 5000;
	record.copied_seq = 7000;
	record.last_sent_ticks = TICKS(60 * NS_PER_S);
	record.last_received_ticks = TICKS(THRESHOLD_NS);
	return record;
}

static void check_leak(struct tcp_socket *socket, const struct event_scan *record,
		       uint64_t threshold_ns, enum leak_kind kind)
{
	struct leak_verdict verdict = leak_judge(socket, record, TICK_NS, threshold_ns);

	assert_true(verdict.leaked);
	assert_int_equal(verdict.kind, kind);
}

static uint64_t check_progress(struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t threshold_ns)
{
	struct leak_verdict verdict = leak_judge(socket, record, TICK_NS, threshold_ns);

	assert_false(verdict.leaked);
	/* Soon enough for a report within a second, and not so often that it costs much CPU. */
	assert_true(verdict.recheck_ns >= 50 * NS_PER_MS);
	return verdict.recheck_ns;
}

static void all_taken_is_unclosed(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
	record.copied_seq = 7001; /* it has read the end of stream since */
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

static void queue_that_nobody_reads_is_unread(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.recv_queue = 1; /* the FIN alone */
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNREAD);
	record.recv_queue = 100000;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNREAD);
}

/* It is judged again as long as it reads; when it stops, it is a leak. */
static void reader_makes_progress(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.recv_queue = 50000;
	for (int i = 0; i < 20; i++) {
		record.copied_seq += 1000;
		record.recv_queue -= 1000;
		assert_true(check_progress(&socket, &record, THRESHOLD_NS) < NS_PER_S);
		assert_int_equal(socket.copied_seq, record.copied_seq);
	}
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNREAD);
	record.copied_seq += record.recv_queue;
	record.recv_queue = 0;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

static void in_the_accept_queue_is_unaccepted(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(false);

	(void)state;
	record.flow.flags = 0;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNACCEPTED);
	record.recv_queue = 200;
	record.copied_seq += 7;
	record.send_queue = 10;
	record.last_sent_ticks = 0;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNACCEPTED);
}

/* Accepted and without a descriptor: sent between processes, or in an io_uring. */
static void without_a_descriptor_is_not_unaccepted(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(false);

	(void)state;
	record.flow.flags = EVENT_SK_SOCKET;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
	record.recv_queue = 1;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNREAD);
}

/* A descriptor proves that it was accepted. */
static void with_a_descriptor_is_not_unaccepted(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.flow.flags = 0;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

static void data_that_does_not_leave_is_stalled(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.send_queue = 1000;
	record.last_sent_ticks = TICKS(THRESHOLD_NS);
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_STALLED);
	record.recv_queue = 1; /* it does not read either: unsent data comes first */
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_STALLED);
	/* The peer's window is full: it answers probes, and receives no data. */
	record.last_received_ticks = 0;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_STALLED);
	/* The peer is dead: the kernel retransmits without an answer. */
	record.last_sent_ticks = 0;
	record.last_received_ticks = TICKS(THRESHOLD_NS);
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_STALLED);
}

/* A slow peer: judged again when the last progress is as old as the threshold. */
static void data_on_its_way_is_progress(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.send_queue = 1000;
	record.last_sent_ticks = TICKS(3 * NS_PER_S);
	record.last_received_ticks = TICKS(2 * NS_PER_S);
	assert_int_equal(check_progress(&socket, &record, THRESHOLD_NS), 7 * NS_PER_S);
	record.last_received_ticks = TICKS(4 * NS_PER_S);
	assert_int_equal(check_progress(&socket, &record, THRESHOLD_NS), 6 * NS_PER_S);
	record.last_sent_ticks = record.last_received_ticks = 0;
	assert_int_equal(check_progress(&socket, &record, THRESHOLD_NS), THRESHOLD_NS);
	/* Shortly before that: neither at once nor much later. */
	record.last_sent_ticks = TICKS(THRESHOLD_NS) - 1;
	assert_true(check_progress(&socket, &record, THRESHOLD_NS) <= 500 * NS_PER_MS);
}

/* A correct half-close: the queue is empty now, and data was sent after the peer's FIN. */
static void sender_makes_progress(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.write_seq = 6000;
	record.last_sent_ticks = TICKS(NS_PER_S);
	assert_int_equal(check_progress(&socket, &record, THRESHOLD_NS), 9 * NS_PER_S);
	record.recv_queue = 1; /* also if it has not read the end of stream */
	assert_int_equal(check_progress(&socket, &record, THRESHOLD_NS), 9 * NS_PER_S);
	record.recv_queue = 0;
	/* It still sends. */
	record.write_seq = 7000;
	record.last_sent_ticks = 0;
	check_progress(&socket, &record, THRESHOLD_NS);
	/* It has stopped for as long as the threshold. */
	record.last_sent_ticks = TICKS(THRESHOLD_NS);
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

/* Data that was sent before the peer's FIN does not count. */
static void sending_before_the_end_is_no_progress(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.last_sent_ticks = TICKS(9 * NS_PER_S); /* one clock tick after it */
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

/* The text "nothing sent since" must be true. */
static void what_was_sent_since_is_said_where_it_is_known(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	assert_int_equal(leak_sent_since(&socket, &record, TICK_NS), LEAK_SENT_NOTHING);
	record.write_seq = 6000; /* written; sent or not */
	assert_int_equal(leak_sent_since(&socket, &record, TICK_NS), LEAK_SENT_SOME);
	record.write_seq = 5000;
	/* Found by a scan: its values are not as of the FIN. */
	socket.since_known = 0;
	assert_int_equal(leak_sent_since(&socket, &record, TICK_NS), LEAK_SENT_UNKNOWN);
	record.last_sent_ticks = TICKS(THRESHOLD_NS / 2);
	assert_int_equal(leak_sent_since(&socket, &record, TICK_NS), LEAK_SENT_SOME);
}

/* The sequence number wraps: only whether it differs counts. */
static void sequence_numbers_wrap(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	socket.write_seq = 0xffffff00;
	record.write_seq = 0x10;
	record.last_sent_ticks = TICKS(NS_PER_S);
	check_progress(&socket, &record, THRESHOLD_NS);
	socket.copied_seq = 0xffffff00;
	record.copied_seq = 5;
	record.recv_queue = 9;
	record.last_sent_ticks = TICKS(60 * NS_PER_S);
	check_progress(&socket, &record, THRESHOLD_NS);
}

/* A scan found it in CLOSE_WAIT: since_ns is the latest time of its entry. */
static void sockets_of_unknown_start_can_be_sending(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	socket.since_known = 0;
	/* The values are as of the scan; it sent before that and after the peer's FIN. */
	record.last_sent_ticks = TICKS(5 * NS_PER_S);
	check_progress(&socket, &record, THRESHOLD_NS);
	record.last_sent_ticks = TICKS(THRESHOLD_NS);
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_UNCLOSED);
}

/* -w 0: every socket that still exists, whatever it does. */
static void threshold_0_reports_at_once(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.time_ns = START_NS;
	record.last_sent_ticks = 0;
	check_leak(&socket, &record, 0, LEAK_UNCLOSED);
	record.write_seq += 100;
	check_leak(&socket, &record, 0, LEAK_UNCLOSED);
	record.recv_queue = 1;
	check_leak(&socket, &record, 0, LEAK_UNREAD);
	record.send_queue = 100;
	check_leak(&socket, &record, 0, LEAK_STALLED);
}

/* The ticks have 32 bits, the product has more. */
static void long_idle_sockets_do_not_overflow(void **state)
{
	struct tcp_socket socket = a_socket();
	struct event_scan record = a_record(true);

	(void)state;
	record.send_queue = 1;
	record.last_sent_ticks = UINT32_MAX;
	check_leak(&socket, &record, THRESHOLD_NS, LEAK_STALLED);
	record.last_sent_ticks = TICKS(30ULL * 86400 * NS_PER_S);
	check_leak(&socket, &record, 7ULL * 86400 * NS_PER_S, LEAK_STALLED);
	record.last_received_ticks = record.last_sent_ticks;
	check_progress(&socket, &record, 40ULL * 86400 * NS_PER_S);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(leak_kind_name(LEAK_UNCLOSED), "unclosed");
	assert_string_equal(leak_kind_name(LEAK_UNREAD), "unread");
	assert_string_equal(leak_kind_name(LEAK_UNACCEPTED), "unaccepted");
	assert_string_equal(leak_kind_name(LEAK_STALLED), "stalled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_taken_is_unclosed),
		cmocka_unit_test(queue_that_nobody_reads_is_unread),
		cmocka_unit_test(reader_makes_progress),
		cmocka_unit_test(in_the_accept_queue_is_unaccepted),
		cmocka_unit_test(without_a_descriptor_is_not_unaccepted),
		cmocka_unit_test(with_a_descriptor_is_not_unaccepted),
		cmocka_unit_test(data_that_does_not_leave_is_stalled),
		cmocka_unit_test(data_on_its_way_is_progress),
		cmocka_unit_test(sender_makes_progress),
		cmocka_unit_test(sending_before_the_end_is_no_progress),
		cmocka_unit_test(what_was_sent_since_is_said_where_it_is_known),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(sockets_of_unknown_start_can_be_sending),
		cmocka_unit_test(threshold_0_reports_at_once),
		cmocka_unit_test(long_idle_sockets_do_not_overflow),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
