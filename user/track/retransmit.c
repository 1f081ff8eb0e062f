// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/retransmit.h"

#include <string.h>

#include "track/sample.h"

/* A reset over a socket of which no more is known. */
static struct segment_ended *ended_find(struct tracker *tracker, uint64_t cookie)
{
	for (unsigned int i = 1; i <= SEGMENT_ENDED; i++) {
		struct segment_ended *ended =
			&tracker->ended[(tracker->ended_next - i) % SEGMENT_ENDED];

		if (ended->cookie == cookie)
			return ended;
	}
	return NULL;
}

static void ended_add(struct tracker *tracker, const struct tcp_socket *socket)
{
	struct segment_ended *ended = &tracker->ended[tracker->ended_next++ % SEGMENT_ENDED];

	if (socket->owner) /* he must outlive what points to him */
		socket->owner->ended++;
	if (ended->owner)
		ended->owner->ended--;
	*ended = (struct segment_ended){.cookie = socket->cookie, .owner = socket->owner};
}

static bool is_known(const struct tcp_socket *socket)
{
	return socket->owner_source >= OWNER_SNAPSHOT;
}

/* What waits is counted for this process. */
static void give(struct segment_trouble *trouble, struct process *process, uint32_t netns)
{
	if (!trouble->waiting_ns)
		return;
	sample_segments(process, netns, &trouble->waiting);
	memset(&trouble->waiting, 0, sizeof(trouble->waiting));
	trouble->waiting_ns = 0;
}

static void give_to_owner(struct tracker *tracker, struct segment_trouble *trouble)
{
	const struct tcp_socket *socket = socket_table_find(tracker->sockets, trouble->cookie);

	if (socket)
		give(trouble, process_table_or_unknown(tracker->processes, socket->owner),
		     socket->flow.netns);
}

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

static void describe(const struct tracker *tracker, struct segment_trouble *trouble,
		     const struct event_segment *e)
{
	trouble->state = e->state;
	trouble->keepalive = e->flow.flags & EVENT_KEEPALIVE;
	if (e->what == SEGMENT_SYNACK_REPEATED) { /* of one of its connections */
		saturating_inc(&trouble->synacks);
		return;
	}
	if (e->what == SEGMENT_REPEATED) {
		saturating_inc(&trouble->repeated);
		if (!e->timeouts)
			trouble->unanswered_ns = 0;
		else if (!trouble->unanswered_ns || e->timeouts <= trouble->timeouts)
			trouble->unanswered_ns = e->time_ns;
	}
	trouble->timeouts = e->timeouts;
	trouble->backoff = e->backoff;
	trouble->unacknowledged = e->unacknowledged;
	trouble->last_received_ns = received_at(tracker, e);
}

/* The socket's entry, made if need be. NULL without memory. */
static struct segment_trouble *trouble_of(struct tracker *tracker, const struct event_segment *e)
{
	struct segment_trouble *trouble = segment_table_find(tracker->segments, e->cookie);

	if (trouble) {
		segment_table_touch(tracker->segments, trouble, e->time_ns);
		return trouble;
	}
	if (segment_table_is_full(tracker->segments)) {
		trouble = segment_table_oldest(tracker->segments);
		give_to_owner(tracker, trouble);
		segment_table_remove(tracker->segments, trouble);
		tracker->segments_evicted++;
	}
	trouble = segment_table_insert(tracker->segments, e->cookie, e->time_ns);
	tracker->no_memory += !trouble;
	return trouble;
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

/* Was it perhaps data, after close()? */
static bool may_be_data(const struct event_segment *e)
{
	return e->what == SEGMENT_RESET_RECEIVED &&
	       (e->state == TCP_FIN_WAIT1 || e->state == TCP_FIN_WAIT2);
}

void segment_event(struct tracker *tracker, const struct event_segment *e)
{
	const struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);
	const struct segment_ended *ended = socket ? NULL : ended_find(tracker, e->cookie);
	const struct segment_count count = count_of(e);
	struct segment_trouble *trouble;
	struct flow flow;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow) || filter_hides_flow(tracker->filter, &flow))
		return;
	trouble = socket ? trouble_of(tracker, e) : NULL;
	if (!trouble) {
		struct process *owner = socket ? socket->owner : ended ? ended->owner : NULL;

		sample_segments(process_table_or_unknown(tracker->processes, owner), flow.netns,
				&count);
		return;
	}
	describe(tracker, trouble, e);
	segment_count_add(&trouble->waiting, &count);
	if (!trouble->waiting_ns)
		trouble->waiting_ns = e->time_ns;
	if (is_known(socket) && !may_be_data(e))
		give(trouble, socket->owner, flow.netns);
}

void segment_was_data(struct tracker *tracker, uint64_t cookie)
{
	struct segment_trouble *trouble = segment_table_find(tracker->segments, cookie);

	if (trouble)
		trouble->waiting.resets_received = 0;
}

void segment_end(struct tracker *tracker, const struct tcp_socket *socket)
{
	struct segment_trouble *trouble;

	ended_add(tracker, socket);
	if (!segment_table_count(tracker->segments))
		return;
	trouble = segment_table_find(tracker->segments, socket->cookie);
	if (!trouble)
		return;
	give(trouble, process_table_or_unknown(tracker->processes, socket->owner),
	     socket->flow.netns);
	segment_table_remove(tracker->segments, trouble);
}

void segment_settle(struct tracker *tracker, uint64_t now_ns)
{
	struct segment_trouble *trouble;
	uint32_t position = 0;

	while ((trouble = segment_table_next(tracker->segments, &position))) {
		const struct tcp_socket *socket;

		if (!trouble->waiting_ns)
			continue;
		socket = socket_table_find(tracker->sockets, trouble->cookie);
		if ((socket && is_known(socket)) ||
		    (now_ns > trouble->waiting_ns &&
		     now_ns - trouble->waiting_ns > SEGMENT_WAIT_NS))
			give_to_owner(tracker, trouble);
	}
}
