// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/retransmit.h"

#include "track/owner.h"
#include "track/sample.h"

static uint64_t received_at(const struct tracker *tracker, const struct event_segment *e)
{
	uint64_t ago_ns = e->last_received_ticks * tracker->tick_ns;

	if (e->state == TCP_SYN_SENT || !tracker->tick_ns || ago_ns >= e->time_ns)
		return 0;
	return e->time_ns - ago_ns;
}

static void saturating_inc(uint32_t *count)
{
	*count += *count != UINT32_MAX;
}

static void describe(const struct tracker *tracker, struct retransmit *retransmit,
		     const struct event_segment *e)
{
	retransmit->state = e->state;
	retransmit->keepalive = e->flow.flags & EVENT_KEEPALIVE;
	if (e->what == SEGMENT_SYNACK_REPEATED) { /* for one connection of the listener */
		/* At the end of TCP_DEFER_ACCEPT it asks for one more ACK. */
		if (!(e->flow.flags & EVENT_ACKED))
			saturating_inc(&retransmit->synacks);
		return;
	}
	if (e->what == SEGMENT_REPEATED) {
		saturating_inc(&retransmit->repeated);
		if (!e->timeouts)
			retransmit->unanswered_ns = 0;
		else if (!retransmit->unanswered_ns || e->timeouts <= retransmit->timeouts)
			retransmit->unanswered_ns = e->time_ns;
	}
	retransmit->timeouts = e->timeouts;
	retransmit->backoff = e->backoff;
	retransmit->unacknowledged = e->unacknowledged;
	retransmit->last_received_ns = received_at(tracker, e);
}

static void evict_oldest(struct tracker *tracker)
{
	struct retransmit *oldest = retransmit_table_oldest(tracker->retransmits);
	const struct tcp_socket *socket = socket_table_find(tracker->sockets, oldest->cookie);

	if (socket)
		retransmit_table_give(tracker->retransmits, oldest, socket);
	retransmit_table_remove(tracker->retransmits, oldest);
	tracker->retransmits_evicted++;
}

/* The socket's entry, created if there is none. NULL without memory. */
static struct retransmit *entry_of(struct tracker *tracker, const struct event_segment *e)
{
	struct retransmit *retransmit = retransmit_table_find(tracker->retransmits, e->cookie);

	if (retransmit) {
		retransmit_table_touch(tracker->retransmits, retransmit, e->time_ns);
		return retransmit;
	}
	if (retransmit_table_is_full(tracker->retransmits))
		evict_oldest(tracker);
	retransmit = retransmit_table_insert(tracker->retransmits, e->cookie, e->time_ns);
	tracker->no_memory += !retransmit;
	return retransmit;
}

static struct segment_count count_of(const struct event_segment *e)
{
	struct segment_count count = {0};

	switch (e->what) {
	case SEGMENT_REPEATED:
	case SEGMENT_SYNACK_REPEATED:
		count.repeated[e->state] = 1;
		break;
	case SEGMENT_RESET_SENT:
		count.resets_sent = 1;
		break;
	default:
		count.resets_received = 1;
	}
	return count;
}

/* The reset received may be data that arrived after close(). */
static bool may_be_data(const struct event_segment *e)
{
	return e->what == SEGMENT_RESET_RECEIVED &&
	       (e->state == TCP_FIN_WAIT1 || e->state == TCP_FIN_WAIT2);
}

/* Counts a segment of a socket that has no entry. */
static void count_alone(struct tracker *tracker, const struct tcp_socket *socket,
			const struct event_segment *e, const struct segment_count *count)
{
	struct process *owner =
		socket ? socket->owner
		       : retransmit_table_ended_owner(tracker->retransmits, e->cookie);

	sample_segments(process_table_or_unknown(tracker->processes, owner), e->header.netns,
			count);
}

void retransmit_event(struct tracker *tracker, const struct event_segment *e)
{
	const struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);
	const struct segment_count count = count_of(e);
	struct retransmit *retransmit;
	struct flow flow;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow) || filter_hides_flow(tracker->filter, &flow))
		return;
	retransmit = socket ? entry_of(tracker, e) : NULL;
	if (!retransmit) {
		count_alone(tracker, socket, e, &count);
		return;
	}
	describe(tracker, retransmit, e);
	segment_count_add(&retransmit->waiting, &count);
	if (!retransmit->waiting_ns)
		retransmit->waiting_ns = e->time_ns;
	if (owner_is_known(socket) && !may_be_data(e))
		retransmit_table_give(tracker->retransmits, retransmit, socket);
}

void retransmit_was_data(struct tracker *tracker, uint64_t cookie)
{
	struct retransmit *retransmit = retransmit_table_find(tracker->retransmits, cookie);

	if (retransmit)
		retransmit->waiting.resets_received = 0;
}
