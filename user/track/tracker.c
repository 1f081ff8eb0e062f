// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/tracker.h"

#include <errno.h>
#include <string.h>

#include "track/mini_tracker.h"
#include "track/owner.h"
#include "track/passive_open.h"
#include "track/sample.h"
#include "track/retransmit.h"

int tracker_init(struct tracker *tracker, struct filter *filter, uint32_t self_tgid,
		 const struct tracker_hooks *hooks)
{
	memset(tracker, 0, sizeof(*tracker));
	tracker->filter = filter;
	tracker->self_tgid = self_tgid;
	tracker->hooks = *hooks;
	tracker->sockets = socket_table_new();
	tracker->minis = mini_table_new();
	tracker->processes = process_table_new(filter);
	tracker->listeners = listener_index_new();
	tracker->segments = segment_table_new();
	return tracker->sockets && tracker->minis && tracker->processes && tracker->listeners &&
			       tracker->segments
		       ? 0
		       : -ENOMEM;
}

void tracker_free(struct tracker *tracker)
{
	segment_table_free(tracker->segments);
	listener_index_free(tracker->listeners);
	mini_table_free(tracker->minis);
	process_table_free(tracker->processes);
	socket_table_free(tracker->sockets);
}

void tracker_set_state(struct tracker *tracker, struct tcp_socket *socket, unsigned int state)
{
	if (socket->state == TCP_LISTEN && state != TCP_LISTEN)
		listener_index_remove(tracker->listeners, socket);
	if (state == TCP_LISTEN && socket->state != TCP_LISTEN &&
	    listener_index_add(tracker->listeners, socket))
		tracker->no_memory++;
	socket->state = state;
}

void tracker_set_flow(struct tracker *tracker, struct tcp_socket *socket, const struct flow *flow)
{
	unsigned int state = socket->state;

	tracker_set_state(tracker, socket, TCP_CLOSE); /* the listener index goes by the port */
	socket->flow = *flow;
	tracker_set_state(tracker, socket, state);
}

struct tcp_socket *tracker_add(struct tracker *tracker, uint64_t cookie, const struct flow *flow,
			       unsigned int state)
{
	struct tcp_socket *socket = socket_table_insert(tracker->sockets, cookie);

	if (!socket) {
		tracker->no_memory++;
		return NULL;
	}
	socket->flow = *flow;
	tracker_set_state(tracker, socket, state);
	return socket;
}

void tracker_remove(struct tracker *tracker, struct tcp_socket *socket)
{
	owner_settle(socket, process_table_unknown(tracker->processes));
	tracker_set_state(tracker, socket, TCP_CLOSE);
	segment_end(tracker, socket);
	owner_release(socket);
	socket_table_remove(tracker->sockets, socket);
}

void tracker_settle_all(struct tracker *tracker)
{
	struct tcp_socket *socket;
	uint32_t position = 0;

	while ((socket = socket_table_next(tracker->sockets, &position)))
		owner_settle(socket, process_table_unknown(tracker->processes));
	segment_settle(tracker, UINT64_MAX);
}

void tracker_tell(struct tracker *tracker, struct process *owner, const struct change *change)
{
	sample_transition(process_table_or_unknown(tracker->processes, owner), change->flow->netns,
			  change->from, change->to, change->lifetime_ns);
	tracker->hooks.changed(tracker->hooks.context, change, NULL);
}

static void vanish(struct tracker *tracker, struct tcp_socket *socket)
{
	tracker->hooks.leaving(tracker->hooks.context, socket, 0);
	tracker_remove(tracker, socket);
}

/* Provisional: the process behind the listener, unless several could be. */
static void learn_listener(struct tracker *tracker, struct tcp_socket *socket)
{
	struct tcp_socket *listener;
	bool several;

	listener = listener_index_find(tracker->listeners, &socket->flow, &several);
	if (listener && !several)
		owner_learn(socket, listener->owner, OWNER_LISTENER);
}

static bool is_passive_open(const struct event_transition *e)
{
	return e->from == TCP_SYN_RECV && e->to != TCP_CLOSE;
}

static void begin_role(struct tcp_socket *socket, const struct event_transition *e,
		       const struct flow *flow)
{
	socket->role = e->to == TCP_LISTEN ? ROLE_SERVER : ROLE_CLIENT;
	/* connect() chooses a port after this. */
	socket->bound = e->to == TCP_SYN_SENT && flow->local_port;
}

/* The socket of a record, added if it is new. NULL if it is unknown and ends with this record. */
static struct tcp_socket *socket_of(struct tracker *tracker, const struct event_transition *e,
				    const struct flow *flow)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);

	if (socket && e->from == TCP_CLOSE) { /* connects again, and its end was not seen */
		vanish(tracker, socket);
		socket = NULL;
	}
	if (!socket) {
		if (e->to == TCP_CLOSE)
			return NULL;
		socket = tracker_add(tracker, e->cookie, flow, e->from);
		if (!socket)
			return NULL;
		if (e->from == TCP_CLOSE)
			begin_role(socket, e, flow);
		else if (is_passive_open(e))
			socket->role = ROLE_SERVER;
		else
			tracker->gaps++;
	} else if (socket->state != e->from) {
		tracker->gaps++;
		tracker->hooks.leaving(tracker->hooks.context, socket, 0);
		tracker_set_state(tracker, socket, e->from);
		socket->since_known = 0;
	}
	if (!socket->flow.local_port || e->to == TCP_ESTABLISHED)
		tracker_set_flow(tracker, socket, flow);
	socket->kernel = !!(e->flow.flags & EVENT_KERN_SOCK);
	return socket;
}

static uint64_t lifetime_of(struct tracker *tracker, const struct event_transition *e,
			    const struct tcp_socket *socket, enum cause cause)
{
	if (e->from == TCP_CLOSE)
		return DURATION_UNKNOWN;
	if (cause == CAUSE_ORPHAN) /* FIN_WAIT2 goes on in a mini-socket, out of sight */
		return DURATION_UNKNOWN;
	if (cause == CAUSE_OVERFLOW && !(e->flow.flags & EVENT_DONE)) /* ... or could not */
		return DURATION_UNKNOWN;
	if (socket->since_known && e->time_ns >= socket->since_ns)
		return e->time_ns - socket->since_ns;
	if (is_passive_open(e) && e->to == TCP_ESTABLISHED)
		return passive_syn_recv_ns(tracker, e, &socket->flow);
	return DURATION_UNKNOWN;
}

/* A socket that was never known ends: counted for whoever acted, without a lifetime. */
static void transition_of_unknown(struct tracker *tracker, const struct event_transition *e,
				  const struct flow *flow, struct process *actor,
				  enum owner_source source)
{
	struct process *owner = source > OWNER_IO ? actor : NULL;
	struct change change = {
		.time_ns = e->time_ns,
		.cookie = e->cookie,
		.lifetime_ns = DURATION_UNKNOWN,
		.flow = flow,
		.owner = owner,
		.owner_source = owner ? source : OWNER_UNKNOWN,
		.cause = cause_of(e),
		.from = e->from,
		.to = e->to,
	};

	if (e->from == TCP_CLOSE || e->from == e->to)
		return;
	if (mini_state_of(change.cause)) {
		mini_begin(tracker,
			   &(struct mini_origin){
				   .cookie = e->cookie,
				   .time_ns = e->time_ns,
				   .since_ns = change.cause == CAUSE_TIME_WAIT ? e->time_ns : 0,
				   .flow = flow,
				   .owner = owner,
				   .owner_source = change.owner_source,
				   .state = mini_state_of(change.cause),
			   });
		if (mini_is_told(tracker)) {
			change.to = mini_state_of(change.cause);
			change.cause = CAUSE_NONE;
		}
	}
	if (change.from == change.to) /* goes on in FIN_WAIT2 */
		return;
	tracker_tell(tracker, owner, &change);
}

static void enter_state(struct tracker *tracker, struct tcp_socket *socket,
			const struct event_transition *e)
{
	tracker_set_state(tracker, socket, e->to);
	if (e->to == TCP_LISTEN && !socket->flow.local_port)
		tracker->gaps++; /* listen() without bind(): the port is chosen after this, a scan
				    will tell */
	socket->since_ns = e->time_ns;
	socket->since_known = 1;
	socket->write_seq = e->write_seq;
	socket->copied_seq = e->copied_seq;
}

/* Returns the state in which it goes on after CLOSE, 0 for none. */
static unsigned int begin_mini(struct tracker *tracker, const struct tcp_socket *socket,
			       const struct event_transition *e, enum cause *cause)
{
	unsigned int state = mini_state_of(*cause);
	struct mini_origin origin = {
		.cookie = e->cookie,
		.time_ns = e->time_ns,
		.since_ns = e->time_ns,
		.flow = &socket->flow,
		.owner = socket->owner,
		.owner_source = socket->owner_source,
		.role = socket->role,
		.state = state,
		.hidden = socket->hidden,
		.bound = socket->bound,
	};

	if (!state)
		return 0;
	if (socket->mini_refused) {
		*cause = CAUSE_OVERFLOW;
		return 0;
	}
	if (state == e->from) /* an orphan stays in FIN_WAIT2 */
		origin.since_ns = socket->since_known ? socket->since_ns : 0;
	mini_begin(tracker, &origin);
	return state;
}

static void change_state(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_transition *e)
{
	struct change change = {
		.time_ns = e->time_ns,
		.cookie = e->cookie,
		.flow = &socket->flow,
		.owner = socket->owner,
		.owner_source = socket->owner_source,
		.role = socket->role,
		.cause = cause_of(e),
		.from = e->from,
		.to = e->to,
	};
	unsigned int mini = begin_mini(tracker, socket, e, &change.cause);

	if (mini && mini_is_told(tracker)) {
		change.to = mini;
		change.cause = CAUSE_NONE;
	}
	if (e->from == TCP_CLOSE_WAIT && e->flow.flags & EVENT_EXITING && tracker->hooks.left)
		tracker->hooks.left(tracker->hooks.context, socket, e);
	tracker->hooks.leaving(tracker->hooks.context, socket, e->time_ns);
	if (change.from == change.to) { /* goes on in FIN_WAIT2 */
		enter_state(tracker, socket, e);
		return;
	}
	change.lifetime_ns = lifetime_of(tracker, e, socket, change.cause);
	owner_sample(socket, process_table_unknown(tracker->processes), change.from, change.to,
		     change.lifetime_ns);
	enter_state(tracker, socket, e);
	if (e->to == TCP_FIN_WAIT1)
		mini_table_expect(tracker->minis, e->cookie);
	tracker->hooks.changed(tracker->hooks.context, &change, socket);
}

/* A client's port is known now, and it is one to show: first what was kept back, its CLOSE >
 * SYN_SENT. */
static void reveal(struct tracker *tracker, struct tcp_socket *socket)
{
	struct change change = {
		.time_ns = socket->since_ns,
		.cookie = socket->cookie,
		.lifetime_ns = DURATION_UNKNOWN,
		.flow = &socket->flow,
		.owner = socket->owner,
		.owner_source = socket->owner_source,
		.role = socket->role,
		.from = TCP_CLOSE,
		.to = TCP_SYN_SENT,
	};

	if (socket->state != TCP_SYN_SENT)
		return;
	owner_sample(socket, process_table_unknown(tracker->processes), change.from, change.to,
		     change.lifetime_ns);
	tracker->hooks.changed(tracker->hooks.context, &change, socket);
}

/* Reset or timed out while somebody unknown holds it, or before he accepts it: his close() will
 * tell who. */
static bool waits_for_close(const struct tcp_socket *socket, const struct event_transition *e)
{
	return socket->step_count && e->error && !(e->flow.flags & (EVENT_DEAD | EVENT_ACTOR));
}

static void keep_closed(struct tracker *tracker, const struct tcp_socket *socket)
{
	uint64_t *slot = &tracker->closed[tracker->closed_next++ % TRACKER_CLOSED];
	struct tcp_socket *oldest = *slot ? socket_table_find(tracker->sockets, *slot) : NULL;

	if (oldest && oldest != socket && oldest->state == TCP_CLOSE)
		tracker_remove(tracker, oldest);
	*slot = socket->cookie;
}

/* close() of a socket that had gone to CLOSE before. */
static void close_again(struct tracker *tracker, const struct event_transition *e,
			struct process *actor)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);

	if (!socket)
		return;
	if (socket->state != TCP_CLOSE) { /* its end was lost */
		tracker->gaps++;
		tracker->hooks.leaving(tracker->hooks.context, socket, 0);
	}
	owner_learn(socket, actor, OWNER_CLOSE);
	tracker_remove(tracker, socket);
}

void tracker_transition(struct tracker *tracker, const struct event_transition *e)
{
	enum owner_source source = owner_source_of(e);
	struct tcp_socket *socket;
	struct process *actor = NULL;
	struct flow flow;
	bool was_hidden;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow)) {
		socket = socket_table_find(tracker->sockets, e->cookie);
		if (socket)
			vanish(tracker, socket);
		return;
	}
	if (source != OWNER_UNKNOWN && e->task.tgid != tracker->self_tgid)
		actor = process_table_get(tracker->processes, &e->task);
	if (e->from == TCP_CLOSE && e->to == TCP_CLOSE) {
		close_again(tracker, e, actor);
		return;
	}
	socket = socket_of(tracker, e, &flow);
	if (!socket) {
		transition_of_unknown(tracker, e, &flow, actor, source);
		return;
	}
	was_hidden = socket->hidden;
	if (e->from == TCP_CLOSE && e->to == TCP_SYN_SENT)
		recent_add_connect(&tracker->recent, &flow, e->time_ns);
	owner_learn(socket, actor, source);
	if (e->from == e->to) /* close() after shutdown(): tells who, changes nothing */
		return;
	if (is_passive_open(e))
		learn_listener(tracker, socket);

	socket->hidden = filter_hides_flow(tracker->filter, &socket->flow);
	if (socket->hidden) {
		enum cause cause = cause_of(e);

		begin_mini(tracker, socket, e, &cause);
		tracker->hooks.leaving(tracker->hooks.context, socket, 0);
		enter_state(tracker, socket, e);
	} else {
		if (was_hidden)
			reveal(tracker, socket);
		change_state(tracker, socket, e);
	}
	if (e->to != TCP_CLOSE)
		return;
	if (e->flow.flags & EVENT_RESET_SENT)
		segment_was_data(tracker, e->cookie);
	if (waits_for_close(socket, e))
		keep_closed(tracker, socket);
	else
		tracker_remove(tracker, socket);
}

uint32_t tracker_fork(struct tracker *tracker, const struct event_fork *e)
{
	struct process *child;

	if (!e->child.tgid || !filter_add_child(tracker->filter, e->parent.tgid, e->parent.start_ns,
						e->child.tgid, e->child.start_ns))
		return 0;
	child = process_table_get(tracker->processes, &e->child);
	if (child) /* it may have been seen before its birth was told */
		child->watched = filter_has_process(tracker->filter, child->tgid, child->start_ns,
						    child->comm);
	return e->child.tgid;
}
