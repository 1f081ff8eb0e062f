// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/mini_tracker.h"

#include "track/recent.h"
#include "model/tcp_state.h"
#include "base/units.h"

/*
 * TCP_TIMEWAIT_LEN (include/net/tcp.h) is 60 s, and the most that an orphan's FIN_WAIT2 spends as
 * a mini-socket. At that distance the kernel's timer wheel is late by up to 2.1 s (HZ=250) or 5.1 s
 * (HZ=100), and by as much as softirqs are.
 */
#define MINI_KEPT_NS (70 * NS_PER_S)

/* A connect() that takes over the port of a mini-socket in TIME_WAIT frees it within the same
 * system call; this is the longest time between their records. */
#define REUSED_WITHIN_NS (100 * NS_PER_MS)

/* Whether there is a record of every end. Of a request there is only one if no connection came of
 * it. */
static bool end_has_record(const struct tracker *tracker, const struct mini_socket *mini)
{
	return mini_has_records(tracker) && mini->state != TCP_SYN_RECV;
}

static uint64_t lifetime_of(const struct mini_socket *mini, uint64_t time_ns)
{
	return mini->since_known && time_ns >= mini->since_ns ? time_ns - mini->since_ns
							      : DURATION_UNKNOWN;
}

struct sample_member mini_member(const struct tracker *tracker, const struct mini_socket *mini)
{
	struct process *process =
		process_table_or_unknown(tracker->processes, mini ? mini->owner : NULL);
	bool folded = mini && (mini->pid || mini->cgroup);

	return (struct sample_member){.process = process,
				      .pid = folded ? mini->pid : process->tgid,
				      .cgroup = folded ? mini->cgroup : process->cgroup};
}

/* Reports a change; mini is NULL if the mini-socket was not known. */
static void change(struct tracker *tracker, const struct mini_socket *mini,
		   const struct event_mini *e, const struct flow *flow, unsigned int from,
		   unsigned int to, uint64_t lifetime_ns, enum cause cause)
{
	const struct sample_member member = mini_member(tracker, mini);
	struct change change = {
		.time_ns = e->time_ns,
		.cookie = e->cookie,
		.lifetime_ns = lifetime_ns,
		.flow = flow,
		.owner = mini ? mini->owner : NULL,
		.owner_source = mini ? (enum owner_source)mini->owner_source : OWNER_UNKNOWN,
		.role = mini ? (enum socket_role)mini->role : ROLE_UNKNOWN,
		.cause = cause,
		.from = from,
		.to = to,
	};

	if (mini && mini->hidden)
		return;
	sample_member_transition(&member, flow->netns, from, to, lifetime_ns);
	tracker->hooks.changed(tracker->hooks.context, &change, NULL);
}

/* How long ago the connect() may be that took its port. The connect() by which the connection
 * itself began may be as recent, and must not be mistaken for it. */
static uint64_t reused_within(const struct mini_socket *mini, uint64_t time_ns)
{
	uint64_t age_ns = REUSED_WITHIN_NS;

	if (mini && mini->since_known)
		age_ns = time_ns > mini->since_ns ? time_ns - mini->since_ns : 0;
	return age_ns < REUSED_WITHIN_NS ? age_ns : REUSED_WITHIN_NS;
}

/* The cause of its end: its timer, or something before the timer. */
static enum cause cause_of_end(const struct tracker *tracker, const struct mini_socket *mini,
			       const struct event_mini *e, const struct flow *flow)
{
	if (e->left_ticks <= 0)
		return e->state == TCP_TIME_WAIT ? CAUSE_EXPIRED : CAUSE_TIMEOUT;
	if (recent_connected(&tracker->recent, flow, e->time_ns, reused_within(mini, e->time_ns)))
		return CAUSE_REUSED;
	return e->state == TCP_TIME_WAIT ? CAUSE_CUT_SHORT : CAUSE_RESET;
}

/* The peer's FIN was received in FIN_WAIT2. */
static void fin_received(struct tracker *tracker, struct mini_socket *mini,
			 const struct event_mini *e, const struct flow *flow, uint64_t lifetime_ns)
{
	if (mini->state != TCP_FIN_WAIT2)
		return;
	change(tracker, mini, e, flow, TCP_FIN_WAIT2, TCP_TIME_WAIT, lifetime_ns, CAUSE_NONE);
	mini->state = TCP_TIME_WAIT;
	mini->since_ns = e->time_ns;
	mini->since_known = e->what == MINI_TIMED;
}

/* The entry of one that begins; NULL without memory. */
static struct mini_socket *make(struct tracker *tracker, const struct mini_origin *origin)
{
	struct mini_socket *mini = mini_table_find_indexed(tracker->minis, origin->cookie);

	if (mini)
		return mini_table_touch(tracker->minis, mini, origin->time_ns);
	if (mini_has_records(tracker))
		return mini_table_insert(tracker->minis, origin->cookie, origin->time_ns);
	return mini_table_append(tracker->minis, origin->cookie, origin->time_ns);
}

void mini_begin(struct tracker *tracker, const struct mini_origin *origin)
{
	struct mini_socket *mini = make(tracker, origin);
	struct event_mini e = {.cookie = origin->cookie, .what = MINI_TIMED};
	uint64_t fin_ns;

	if (!mini) {
		tracker->no_memory++;
		return;
	}
	mini->netns = origin->flow->netns;
	mini->state = origin->state & 15;
	mini->scan_state = 0;
	mini->role = origin->role & 3;
	mini->hidden = origin->hidden;
	mini->bound = origin->bound;
	mini->since_ns = origin->since_ns;
	mini->since_known = origin->since_ns != 0;
	mini_set_owner(mini, origin->owner, origin->owner_source);
	if (mini->state != TCP_FIN_WAIT2 ||
	    !recent_take_fin(&tracker->recent, origin->cookie, &fin_ns))
		return;
	e.time_ns = fin_ns;
	fin_received(tracker, mini, &e, origin->flow, lifetime_of(mini, fin_ns));
}

static void end(struct tracker *tracker, struct mini_socket *mini, const struct event_mini *e,
		const struct flow *flow)
{
	enum cause cause = cause_of_end(tracker, mini, e, flow);
	uint64_t lifetime_ns = DURATION_UNKNOWN;

	if (mini && mini->state == e->state)
		lifetime_ns = lifetime_of(mini, e->time_ns);
	else if (mini) /* there was no record of the FIN: neither lifetime is known */
		fin_received(tracker, mini, e, flow, DURATION_UNKNOWN);
	change(tracker, mini, e, flow, e->state, TCP_CLOSE, lifetime_ns, cause);
	if (mini)
		mini_table_remove(tracker->minis, mini);
}

void mini_event(struct tracker *tracker, const struct event_mini *e)
{
	struct mini_socket *mini = mini_table_find(tracker->minis, e->cookie);
	struct tcp_socket *socket;
	struct flow flow;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow) ||
	    (!mini && e->what != MINI_REFUSED && filter_hides_flow(tracker->filter, &flow)))
		return;
	switch (e->what) {
	case MINI_REFUSED:
		socket = socket_table_find(tracker->sockets, e->cookie);
		if (socket)
			socket->mini_refused = 1;
		break;
	case MINI_TIMED:
		if (!mini) { /* another CPU wrote the record before that of the socket's end */
			recent_add_fin(&tracker->recent, e->cookie, e->time_ns);
			break;
		}
		fin_received(tracker, mini, e, &flow, lifetime_of(mini, e->time_ns));
		mini->scan_state = 0;
		mini_table_touch(tracker->minis, mini, e->time_ns);
		break;
	case MINI_ENDED:
		end(tracker, mini, e, &flow);
		break;
	default:
		break;
	}
}

void mini_doubt(struct tracker *tracker)
{
	struct mini_socket *mini;
	uint32_t position = 0;

	tracker->minis_doubted = true;
	while ((mini = mini_table_next(tracker->minis, &position)))
		if (mini->state == TCP_FIN_WAIT2)
			mini->since_known = 0;
}

void mini_expire(struct tracker *tracker, uint64_t now_ns)
{
	struct mini_socket *mini;

	while ((mini = mini_table_oldest(tracker->minis)) &&
	       mini->seen_ns + MINI_KEPT_NS < now_ns) {
		/* If there is a record of every end, this one was lost: a scan is needed. */
		if (end_has_record(tracker, mini))
			tracker->gaps++;
		mini_table_remove(tracker->minis, mini);
	}
}

/* Finds the owner of a mini-socket whose beginning was not seen. */
static void learn_owner(struct tracker *tracker, struct mini_socket *mini, const struct flow *flow,
			bool redirected)
{
	const struct tcp_socket *socket = socket_table_find(tracker->sockets, mini->cookie);
	const struct tcp_socket *listener;
	bool several;

	if (socket) { /* the record of its last transition was lost, or comes soon */
		mini_set_owner(mini, socket->owner, socket->owner_source);
		mini->role = socket->role;
		mini->bound = socket->bound;
		return;
	}
	listener = listener_index_find(tracker->listeners, flow, &several);
	if (!listener)
		return;
	mini->role = ROLE_SERVER;
	if (!several && !redirected)
		mini_set_owner(mini, listener->owner, OWNER_LISTENER);
}

static void take_in(struct tracker *tracker, const struct event_scan *record)
{
	struct mini_socket *mini = mini_table_find(tracker->minis, record->cookie);
	struct flow flow;

	flow_read(&flow, &record->flow, record->header.netns);
	if (!filter_has_flow(tracker->filter, &flow))
		return;
	if (!mini) {
		mini = mini_table_insert(tracker->minis, record->cookie, record->time_ns);
		if (!mini) {
			tracker->no_memory++;
			return;
		}
		mini->netns = flow.netns;
		mini->hidden = filter_hides_flow(tracker->filter, &flow);
		learn_owner(tracker, mini, &flow, record->flow.flags & EVENT_REDIRECTED);
	} else {
		mini = mini_table_touch(tracker->minis, mini, record->time_ns);
	}
	mini->scanned = 1;
	if (!mini->state)
		mini->state = record->state & 15;
	mini->scan_state = record->state != mini->state ? record->state & 15 : 0;
	if (record->state == TCP_SYN_RECV && mini->state == TCP_SYN_RECV &&
	    record->mini.age_us < record->time_ns / NS_PER_US) {
		mini->since_ns = record->time_ns - record->mini.age_us * NS_PER_US;
		mini->since_known = 1;
	}
}

void mini_scan_begin(struct tracker *tracker, const struct scan_result *result)
{
	struct mini_socket *mini;
	uint32_t position = 0;

	while ((mini = mini_table_next(tracker->minis, &position))) {
		mini->scanned = 0;
		mini->scan_state = 0;
	}
	/* Doubts that come from now on are for the next scan as well. */
	tracker->minis_asked |= tracker->minis_doubted;
	tracker->minis_doubted = false;
	mini_scan_add(tracker, result, 0);
}

void mini_scan_add(struct tracker *tracker, const struct scan_result *result, size_t from)
{
	for (size_t i = from; i < result->count; i++)
		if (result->records[i].header.kind == EVENT_SCAN_MINI)
			take_in(tracker, &result->records[i]);
}

void mini_scan_learn(struct tracker *tracker, const struct scan_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct event_scan *record = &result->records[i];
		struct mini_socket *mini;
		struct flow flow;

		if (record->header.kind != EVENT_SCAN_MINI)
			continue;
		mini = mini_table_find(tracker->minis, record->cookie);
		if (!mini || !mini->scanned || mini->owner)
			continue;
		flow_read(&flow, &record->flow, record->header.netns);
		learn_owner(tracker, mini, &flow, record->flow.flags & EVENT_REDIRECTED);
	}
}

void mini_scan_give_up(struct tracker *tracker)
{
	tracker->minis_doubted |= tracker->minis_asked;
	tracker->minis_asked = false;
}

/* Whether the scan shows that a mini-socket which it has not found is gone. */
static bool scan_counts(const struct tracker *tracker, const struct mini_socket *mini,
			const struct scan_result *result)
{
	bool doubted = tracker->minis_doubted || tracker->minis_asked;

	return (doubted || !end_has_record(tracker, mini)) &&
	       scan_result_covers(result, mini->netns);
}

void mini_scan_end(struct tracker *tracker, const struct scan_result *result)
{
	struct mini_socket *mini;
	uint32_t position = 0;

	/*
	 * Of a network namespace that exists and was not read nothing is known; its mini-sockets
	 * are removed by mini_expire(). Those of a namespace that is gone went with it. Where every
	 * end has a record, the records count more than the scan: iter/tcp of older kernels
	 * continues by position in a hash bucket that it reads in parts, and skips sockets if
	 * others left the bucket meanwhile (tcp_seek_last_pos() in net/ipv4/tcp_ipv4.c); and a
	 * namespace disappears before its mini-sockets do (cleanup_net() in
	 * net/core/net_namespace.c). After a loss the scan counts, because the record of the end
	 * may be lost.
	 */
	while ((mini = mini_table_next(tracker->minis, &position))) {
		if (!mini->scanned && mini->seen_ns < result->started_ns &&
		    scan_counts(tracker, mini, result)) {
			mini_table_remove(tracker->minis, mini);
		} else if (mini->scan_state && mini->scan_state != mini->state) {
			/* No record came since: it was lost, or there are none. */
			mini->state = mini->scan_state;
			mini->since_known = 0;
			mini->since_ns = 0;
		} else if (mini->scanned && mini->state == TCP_FIN_WAIT2 && mini->since_ns &&
			   !tracker->minis_doubted) {
			mini->since_known = 1; /* the scan shows that no FIN was lost */
		}
	}
	tracker->minis_asked = false;
}
