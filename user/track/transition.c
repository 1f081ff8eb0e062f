// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/transition.h"

#include "track/mini_tracker.h"
#include "track/owner.h"
#include "track/passive_open.h"
#include "track/retransmit.h"

/* The record shows that the socket has left its state before. */
static void leave_unseen(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_transition *e)
{
	tracker->misfit = (struct misfit){
		.time_ns = e->time_ns,
		.after_ns = socket->since_known ? socket->since_ns : 0,
		.from = e->from,
	};
	tracker->hooks.leaving(tracker->hooks.context, socket, 0);
}

/* Removes a socket whose end was not seen. */
static void remove_unseen(struct tracker *tracker, struct tcp_socket *socket,
			  const struct event_transition *e)
{
	leave_unseen(tracker, socket, e);
	tracker_remove(tracker, socket);
}

/* The provisional owner is the process behind the listener, unless several processes could be. */
static void learn_listener(struct tracker *tracker, struct tcp_socket *socket,
			   const struct event_transition *e)
{
	struct tcp_socket *listener;
	bool several;

	socket->redirected = !!(e->flow.flags & EVENT_REDIRECTED);
	if (socket->redirected)
		return;
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
	/* connect() chooses a port after this record (tcp_v4_connect() in net/ipv4/tcp_ipv4.c). */
	socket->bound = e->to == TCP_SYN_SENT && flow->local_port;
}

/* The record of how the socket came to the state that it leaves now was lost. */
static void note_gap(struct tracker *tracker, struct tcp_socket *socket,
		     const struct event_transition *e)
{
	tracker->gaps++;
	socket->since_known = 0;
	socket->since_ns = e->time_ns;
}

/* The socket of a record, added if it is new. NULL if it is not known and ends with this record. */
static struct tcp_socket *socket_of(struct tracker *tracker, const struct event_transition *e,
				    const struct flow *flow)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);

	/* It connects again, and the record of its end was lost. */
	if (socket && e->from == TCP_CLOSE) {
		remove_unseen(tracker, socket, e);
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
			note_gap(tracker, socket, e);
	} else if (socket->state != e->from) {
		leave_unseen(tracker, socket, e);
		tracker_set_state(tracker, socket, e->from);
		socket->opened = 0;
		note_gap(tracker, socket, e);
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
	if (cause == CAUSE_ORPHAN) /* FIN_WAIT2 goes on in a mini-socket */
		return DURATION_UNKNOWN;
	/* It would have gone on in a mini-socket, but the kernel could not create one. */
	if (cause == CAUSE_OVERFLOW && !(e->flow.flags & EVENT_DONE))
		return DURATION_UNKNOWN;
	if (socket->since_known && e->time_ns >= socket->since_ns)
		return e->time_ns - socket->since_ns;
	if (is_passive_open(e) && e->to == TCP_ESTABLISHED)
		return passive_syn_recv_ns(tracker, e, &socket->flow);
	return DURATION_UNKNOWN;
}

/* A socket that was never known ends: the transition is counted for the process that acted, without
 * a lifetime. */
static void end_of_unknown(struct tracker *tracker, const struct event_transition *e,
			   const struct flow *flow, enum cause cause, struct process *actor,
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
		.cause = cause,
		.loss = reset_loss_of(&tracker->resets, NULL, flow, e, cause),
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
		if (mini_has_records(tracker)) {
			change.to = mini_state_of(change.cause);
			change.cause = CAUSE_NONE;
		}
	}
	if (change.from == change.to) /* it goes on in FIN_WAIT2 */
		return;
	tracker_report(tracker, owner, &change);
}

static void enter_state(struct tracker *tracker, struct tcp_socket *socket,
			const struct event_transition *e)
{
	tracker_set_state(tracker, socket, e->to);
	if (e->to == TCP_LISTEN && !socket->flow.local_port)
		/* listen() without bind() chooses a port after this record: a scan has to find it.
		 */
		tracker->gaps++;
	socket->since_ns = e->time_ns;
	socket->since_known = 1;
	if (e->to == TCP_ESTABLISHED)
		socket->opened = 1;
	socket->write_seq = e->write_seq;
	socket->copied_seq = e->copied_seq;
}

/* Creates the mini-socket, in this state, in which the socket goes on after CLOSE. Returns the
 * state, or 0 if the kernel could not create it. */
static unsigned int make_mini(struct tracker *tracker, const struct tcp_socket *socket,
			      const struct event_transition *e, unsigned int state,
			      enum cause *cause)
{
	if (socket->mini_refused) {
		*cause = CAUSE_OVERFLOW;
		return 0;
	}
	mini_begin(tracker, &(struct mini_origin){
				    .cookie = e->cookie,
				    .time_ns = e->time_ns,
				    /* An orphaned socket stays in FIN_WAIT2. */
				    .since_ns = state != e->from      ? e->time_ns
						: socket->since_known ? socket->since_ns
								      : 0,
				    .flow = &socket->flow,
				    .owner = socket->owner,
				    .owner_source = socket->owner_source,
				    .role = socket->role,
				    .state = state,
				    .hidden = socket->hidden,
				    .bound = socket->bound,
			    });
	return state;
}

/* The same if the socket goes on as a mini-socket; else returns 0. */
static inline unsigned int begin_mini(struct tracker *tracker, const struct tcp_socket *socket,
				      const struct event_transition *e, enum cause *cause)
{
	unsigned int state = mini_state_of(*cause);

	return state ? make_mini(tracker, socket, e, state, cause) : 0;
}

/*
 * Whether a socket leaves CLOSE_WAIT because a process has ended, and not because it was closed. An
 * exiting task does so itself, also for the connections that wait in a listener which it leaves. A
 * kernel thread does so for what an io_uring held, as a registered file or by a request, when the
 * process that owns the socket has ended. The peer's resets and timeouts have an error.
 */
static bool left_at_exit(const struct tcp_socket *socket, const struct event_transition *e)
{
	const struct process *owner = socket->owner;

	if (e->from != TCP_CLOSE_WAIT)
		return false;
	if (e->flow.flags & EVENT_WITH_TASK)
		return e->flow.flags & EVENT_EXITING;
	return !e->error && owner && owner->ended_ns && owner->ended_ns <= e->time_ns;
}

static void change_state(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_transition *e, enum cause cause, enum reset_loss loss)
{
	struct change change = {
		.time_ns = e->time_ns,
		.cookie = e->cookie,
		.flow = &socket->flow,
		.owner = socket->owner,
		.owner_source = socket->owner_source,
		.role = socket->role,
		.cause = cause,
		.loss = loss,
		.port_range = e->from == TCP_SYN_SENT && e->to == TCP_CLOSE ? e->port_range : 0,
		.from = e->from,
		.to = e->to,
	};
	unsigned int mini = begin_mini(tracker, socket, e, &change.cause);

	if (mini && mini_has_records(tracker)) {
		change.to = mini;
		change.cause = CAUSE_NONE;
	}
	if (tracker->hooks.left && left_at_exit(socket, e))
		tracker->hooks.left(tracker->hooks.context, socket, e);
	tracker->hooks.leaving(tracker->hooks.context, socket, e->time_ns);
	if (change.from == change.to) { /* it goes on in FIN_WAIT2 */
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

/* The port of a client is known now and passes the filter: its CLOSE > SYN_SENT, which was not
 * reported, is reported first. */
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

/* The connection was reset or timed out while its owner is not known. The owner holds it, or will
 * accept it; the record of the close() names the process. */
static bool waits_for_close(const struct tcp_socket *socket, const struct event_transition *e)
{
	return socket->sample_count && e->error && !(e->flow.flags & (EVENT_DEAD | EVENT_ACTOR));
}

static void keep_closed(struct tracker *tracker, const struct tcp_socket *socket)
{
	uint64_t *slot = &tracker->closed[tracker->closed_next++ % TRACKER_CLOSED];
	struct tcp_socket *oldest = *slot ? socket_table_find(tracker->sockets, *slot) : NULL;

	if (oldest && oldest != socket && oldest->state == TCP_CLOSE)
		tracker_remove(tracker, oldest);
	*slot = socket->cookie;
}

/* close() of a socket that was in CLOSE before. */
static void close_again(struct tracker *tracker, const struct event_transition *e,
			struct process *actor)
{
	struct tcp_socket *socket = socket_table_find(tracker->sockets, e->cookie);

	if (!socket)
		return;
	if (socket->state != TCP_CLOSE) { /* the record of its end was lost */
		tracker->gaps++;
		leave_unseen(tracker, socket, e);
	}
	owner_learn(socket, actor, OWNER_CLOSE);
	tracker_remove(tracker, socket);
}

/* Whether a process holds a socket that goes to CLOSE, or will hold it after accept(). */
static bool is_held(const struct event_transition *e, enum owner_source source)
{
	return e->from != TCP_CLOSE && source != OWNER_CLOSE &&
	       !(e->flow.flags & (EVENT_DEAD | EVENT_CLOSER));
}

static void take(struct tracker *tracker, const struct event_transition *e, enum cause known)
{
	enum owner_source source = owner_source_of(e);
	struct tcp_socket *socket;
	struct process *actor = NULL;
	enum cause cause;
	struct flow flow;
	enum reset_loss loss;
	bool was_hidden;

	flow_read(&flow, &e->flow, e->header.netns);
	if (!filter_has_flow(tracker->filter, &flow)) {
		socket = socket_table_find(tracker->sockets, e->cookie);
		if (socket)
			remove_unseen(tracker, socket, e);
		return;
	}
	if (e->to == TCP_CLOSE && is_held(e, source))
		tracker->ended_while_held++;
	if (source != OWNER_UNKNOWN && e->task.tgid != tracker->self_tgid)
		actor = process_table_get(tracker->processes, &e->task);
	if (e->from == TCP_CLOSE && e->to == TCP_CLOSE) {
		close_again(tracker, e, actor);
		return;
	}
	cause = known ? known : cause_of(e);
	socket = socket_of(tracker, e, &flow);
	if (!socket) {
		end_of_unknown(tracker, e, &flow, cause, actor, source);
		return;
	}
	was_hidden = socket->hidden;
	if (e->from == TCP_CLOSE && e->to == TCP_SYN_SENT)
		recent_add_connect(&tracker->recent, &flow, e->time_ns);
	owner_learn(socket, actor, source);
	if (e->from == e->to) /* close() after shutdown() names the owner and changes no state */
		return;
	if (is_passive_open(e))
		learn_listener(tracker, socket, e);
	reset_note_data(socket, e);
	loss = reset_loss_of(&tracker->resets, socket, &socket->flow, e, cause);

	socket->hidden = filter_hides_flow(tracker->filter, &socket->flow);
	if (socket->hidden) {
		begin_mini(tracker, socket, e, &cause);
		tracker->hooks.leaving(tracker->hooks.context, socket, 0);
		enter_state(tracker, socket, e);
	} else {
		if (was_hidden)
			reveal(tracker, socket);
		change_state(tracker, socket, e, cause, loss);
	}
	if (e->to != TCP_CLOSE)
		return;
	if (known == CAUSE_RESET_SENT)
		retransmit_was_data(tracker, e->cookie);
	if (waits_for_close(socket, e))
		keep_closed(tracker, socket);
	else
		tracker_remove(tracker, socket);
}

void transition_event(struct tracker *tracker, const struct event_transition *e, enum cause known)
{
	take(tracker, e, known);
	tracker->misfit.time_ns = 0;
}
