// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/judge.h"

#include "base/units.h"

/* A reader that took nothing for so long, after the threshold, does not read: keeps a report within
 * its second. */
#define READ_PAUSE_NS (900 * NS_PER_MS)

/* No sooner, or a sender could make us scan all the time. */
#define RECHECK_MIN_NS (100 * NS_PER_MS)

static struct leak_verdict leaked(enum leak_kind kind)
{
	return (struct leak_verdict){.leaked = true, .kind = kind};
}

static struct leak_verdict recheck(uint64_t ns)
{
	return (struct leak_verdict){.recheck_ns = ns > RECHECK_MIN_NS ? ns : RECHECK_MIN_NS};
}

static bool is_unaccepted(const struct event_scan *record)
{
	return record->header.kind == EVENT_SCAN_SOCKET &&
	       !(record->flow.flags & (EVENT_SK_SOCKET | EVENT_DEAD));
}

/* Was data sent after the peer's FIN? */
static bool sent_since(const struct tcp_socket *socket, const struct event_scan *record,
		       uint64_t sent_ago_ns)
{
	if (record->write_seq != socket->write_seq)
		return true;
	return !socket->since_known && record->time_ns - sent_ago_ns > socket->since_ns;
}

struct leak_verdict leak_judge(struct tcp_socket *socket, const struct event_scan *record,
			       uint64_t tick_ns, uint64_t threshold_ns)
{
	/* tcp_sock.lsndtime: when data last went out, retransmitted or not; rcv_tstamp: when an ACK
	 * last came */
	uint64_t sent_ago_ns = record->last_sent_ticks * tick_ns;
	uint64_t heard_ago_ns = record->last_received_ticks * tick_ns;
	uint64_t progress_ago_ns = sent_ago_ns > heard_ago_ns ? sent_ago_ns : heard_ago_ns;
	bool sending = sent_ago_ns < threshold_ns;

	if (is_unaccepted(record))
		return leaked(LEAK_UNACCEPTED);
	if (record->send_queue) /* a dead peer hears retransmissions only, a full one says no but
				   answers */
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
