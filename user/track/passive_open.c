// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/passive_open.h"

#include "track/owner.h"
#include "track/sample.h"
#include "model/tcp_state.h"
#include "base/units.h"

/* A request that becomes a connection and the connection itself have their records from one
 * softirq: this is the longest time between them. */
#define COMPLETED_WITHIN_NS (100 * NS_PER_MS)

/* The age of a request that a scan found: it has the cookie of the connection that it becomes. */
static uint64_t take_mini(struct tracker *tracker, const struct event_transition *e)
{
	struct mini_socket *mini = mini_table_find_indexed(tracker->minis, e->cookie);
	uint64_t ns = DURATION_UNKNOWN;

	if (!mini || mini->state != TCP_SYN_RECV)
		return ns;
	if (mini->since_known && e->time_ns >= mini->since_ns)
		ns = e->time_ns - mini->since_ns;
	mini_table_remove(tracker->minis, mini);
	return ns;
}

/*
 * A request has no tracepoint. Its age is the round trip from the SYN-ACK to the final ACK, which
 * the kernel measures unless the SYN-ACK was retransmitted (tcp_synack_rtt_meas() in
 * net/ipv4/tcp_input.c). Then newer kernels measure the whole time (rto_time_ms in bpf/event.h),
 * and in older ones a program reads the age (bpf/request.bpf.c). With syncookies the round trip
 * comes from TCP timestamps, which have milliseconds and carry options in some bits
 * (cookie_timestamp_decode() in net/ipv4/syncookies.c): whole milliseconds are not used.
 */
uint64_t passive_syn_recv_ns(struct tracker *tracker, const struct event_transition *e,
			     const struct flow *flow)
{
	uint64_t ns = take_mini(tracker, e);

	if (ns != DURATION_UNKNOWN)
		return ns;
	if (e->rto_time_ms)
		return e->rto_time_ms * NS_PER_MS;
	if (e->retransmits)
		return recent_take_completion(&tracker->recent, flow, e->time_ns,
					      COMPLETED_WITHIN_NS, &ns)
			       ? ns
			       : DURATION_UNKNOWN;
	if (!e->srtt_us || e->srtt_us % 1000 == 0)
		return DURATION_UNKNOWN;
	return e->srtt_us * NS_PER_US;
}

/* The cause is CAUSE_RESET if a reset was received from the peer or sent to it. */
static enum cause cause_of_drop(const struct event_request *e, bool listening)
{
	if (!listening)
		return CAUSE_LISTENER_CLOSED;
	return e->left_ticks > 0 ? CAUSE_RESET : CAUSE_TIMEOUT;
}

static void dropped(struct tracker *tracker, const struct event_request *e, const struct flow *flow,
		    uint64_t age_ns)
{
	struct mini_socket *mini = mini_table_find_indexed(tracker->minis, e->cookie);
	bool several;
	const struct tcp_socket *listener = listener_index_find(tracker->listeners, flow, &several);
	bool told = listener && !several && !(e->flow.flags & EVENT_REDIRECTED);
	struct process *owner = told ? listener->owner : NULL;
	struct change change = {
		.time_ns = e->time_ns,
		.cookie = e->cookie,
		.lifetime_ns = age_ns,
		.flow = flow,
		.owner = owner,
		.owner_source = owner ? OWNER_LISTENER : OWNER_UNKNOWN,
		.role = ROLE_SERVER,
		.cause = cause_of_drop(e, listener != NULL),
		.from = TCP_SYN_RECV,
		.to = TCP_CLOSE,
	};

	if (mini)
		mini_table_remove(tracker->minis, mini);
	if (filter_hides_flow(tracker->filter, flow))
		return;
	tracker_report(tracker, owner, &change);
}

void passive_request(struct tracker *tracker, const struct event_request *e)
{
	/* A request whose SYN-ACK was not sent has no age: its start is 0, when the host booted. */
	uint64_t age_ns =
		e->age_us < e->time_ns / NS_PER_US ? e->age_us * NS_PER_US : DURATION_UNKNOWN;
	struct flow flow;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow))
		return;
	if (e->what == REQUEST_DROPPED)
		dropped(tracker, e, &flow, age_ns);
	else if (age_ns != DURATION_UNKNOWN)
		recent_add_completion(&tracker->recent, &flow, e->time_ns, age_ns);
}

static uint64_t wait_of(const struct tcp_socket *socket, uint64_t time_ns)
{
	uint64_t here_ns, before_ns = 0;

	if (!socket->since_known || time_ns < socket->since_ns)
		return DURATION_UNKNOWN;
	here_ns = time_ns - socket->since_ns;
	/* The owner is not known yet, so the samples of the states before still wait in the
	 * socket. */
	if (socket->state != TCP_ESTABLISHED)
		before_ns = owner_waited_since(socket, TCP_SYN_RECV);
	return before_ns == DURATION_UNKNOWN ? DURATION_UNKNOWN : before_ns + here_ns;
}

/*
 * Adds a socket that was not known until its accept(). With TCP Fast Open it made no transition
 * before; else a record was lost.
 */
static struct tcp_socket *add_accepted(struct tracker *tracker, const struct event_accept *e,
				       const struct flow *flow)
{
	struct tcp_socket *socket;

	tracker->gaps += e->state != TCP_SYN_RECV;
	socket = tracker_add(tracker, e->cookie, flow, e->state);
	if (!socket)
		return NULL;
	socket->since_ns = e->time_ns;
	socket->hidden = filter_hides_flow(tracker->filter, flow);
	tracker->hooks.found(tracker->hooks.context, socket);
	return socket;
}

void passive_accept(struct tracker *tracker, const struct event_accept *e)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);
	struct accepted accepted = {
		.time_ns = e->time_ns, .cookie = e->cookie, .wait_ns = DURATION_UNKNOWN};
	struct process *process;
	struct flow flow;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow))
		return;
	process = process_table_get(tracker->processes, &e->task);
	if (socket)
		accepted.wait_ns = wait_of(socket, e->time_ns);
	else if (e->state != TCP_CLOSE)
		socket = add_accepted(tracker, e, &flow);
	if (!socket)
		return;
	socket->role = ROLE_SERVER;
	socket->kernel = 0; /* a socket of an MPTCP listener has the flag until now */
	owner_learn(socket, process, OWNER_ACCEPT);
	if (!socket->hidden) {
		accepted.flow = &socket->flow;
		accepted.process = process;
		if (process && accepted.wait_ns != DURATION_UNKNOWN)
			sample_accept(process, flow.netns, accepted.wait_ns);
		tracker->hooks.accepted(tracker->hooks.context, &accepted);
	}
	if (socket->state == TCP_CLOSE) /* it was reset before, and kept until its owner is known */
		tracker_remove(tracker, socket);
}

void passive_accepted_by(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_task *task)
{
	socket->role = ROLE_SERVER;
	owner_learn(socket, process_table_get(tracker->processes, task), OWNER_ACCEPT);
	if (socket->state == TCP_CLOSE)
		tracker_remove(tracker, socket);
}
