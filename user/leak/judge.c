// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/judge.h"

#include "base/units.h"
#include "model/scan_result.h"

/* A process that reads nothing for this time after the threshold does not read at all. It is less
 * than a second, so that the leak is reported within a second of its deadline. */
#define READ_PAUSE_NS (900 * NS_PER_MS)

/* The shortest time before a socket is judged again: a peer must not be able to cause scan after
 * scan. */
#define RECHECK_MIN_NS (100 * NS_PER_MS)

/* The least time in CLOSE_WAIT that makes a socket a leak when its process exits. */
#define GRACE_NS (100 * NS_PER_MS)

static struct leak_verdict leaked(enum leak_kind kind)
{
	return (struct leak_verdict){.leaked = true, .kind = kind};
}

static struct leak_verdict recheck(uint64_t ns)
{
	return (struct leak_verdict){.recheck_ns = ns > RECHECK_MIN_NS ? ns : RECHECK_MIN_NS};
}

/* Whether data was sent after the peer's FIN was received. */
static bool sent_since(const struct tcp_socket *socket, const struct event_scan *record,
		       uint64_t sent_ago_ns)
{
	if (record->write_seq != socket->write_seq)
		return true;
	return !socket->since_known && record->time_ns > socket->since_ns + sent_ago_ns;
}

struct leak_verdict leak_judge(struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns, uint64_t threshold_ns)
{
	/* tcp_sock.lsndtime is when data was last sent, also by a retransmission
	 * (tcp_event_data_sent() in net/ipv4/tcp_output.c); tcp_sock.rcv_tstamp is when the last
	 * ACK was received (tcp_ack() in net/ipv4/tcp_input.c). */
	uint64_t sent_ago_ns = record->last_sent_ticks * tick_ns;
	uint64_t heard_ago_ns = record->last_received_ticks * tick_ns;
	uint64_t progress_ago_ns = sent_ago_ns > heard_ago_ns ? sent_ago_ns : heard_ago_ns;
	bool sending = sent_ago_ns < threshold_ns;

	if (event_scan_is_unaccepted(record))
		return leaked(LEAK_UNACCEPTED);
	/* Progress needs both: a dead peer is sent retransmissions and sends no ACK; a peer with a
	 * full window sends ACKs and is sent no data. */
	if (record->send_queue)
		return progress_ago_ns < threshold_ns ? recheck(threshold_ns - progress_ago_ns)
						      : leaked(LEAK_STALLED);
	if (sending && sent_since(socket, record, sent_ago_ns))
		return recheck(threshold_ns - sent_ago_ns);
	if (!record->recv_queue)
		return leaked(LEAK_UNCLOSED);
	if (record->copied_seq == socket->copied_seq)
		return leaked(LEAK_UNREAD);
	socket->copied_seq = record->copied_seq;
	return recheck(READ_PAUSE_NS);
}

bool leak_looks_idle(const struct tcp_socket *socket, const struct event_scan *record)
{
	return !event_scan_is_unaccepted(record) && record->recv_queue == 1 &&
	       !record->send_queue && record->copied_seq == socket->copied_seq &&
	       record->write_seq == socket->write_seq;
}

enum leak_sent leak_sent_since(const struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns)
{
	if (sent_since(socket, record, record->last_sent_ticks * tick_ns))
		return LEAK_SENT_SOME;
	/* The FIN may have come before since_ns, and data may have been sent in between. */
	return socket->since_known ? LEAK_SENT_NOTHING : LEAK_SENT_UNKNOWN;
}

uint64_t leak_left_grace(uint64_t threshold_ns)
{
	return threshold_ns < GRACE_NS ? threshold_ns : GRACE_NS;
}

static enum leak_kind left_kind(const struct event_transition *e)
{
	if (!(e->flow.flags & (EVENT_ACTOR | EVENT_SK_SOCKET | EVENT_DEAD)))
		return LEAK_UNACCEPTED;
	return e->recv_queue ? LEAK_UNREAD : LEAK_UNCLOSED;
}

bool leak_left_make(struct leak *leak, const struct tcp_socket *socket,
		    const struct event_transition *e, uint64_t ended_ns, uint64_t threshold_ns)
{
	uint64_t age_ns = ended_ns > socket->since_ns ? ended_ns - socket->since_ns : 0;

	if (!socket->since_known || age_ns < leak_left_grace(threshold_ns))
		return false;
	if (threshold_ns && e->write_seq != socket->write_seq)
		return false;
	*leak = (struct leak){
		.time_ns = e->time_ns,
		.kind = left_kind(e),
		.end_read = !e->recv_queue,
		.recv_queue = e->recv_queue,
		.sent = e->write_seq == socket->write_seq ? LEAK_SENT_NOTHING : LEAK_SENT_SOME,
		.at_exit = true,
	};
	return true;
}
