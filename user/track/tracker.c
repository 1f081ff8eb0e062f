// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/tracker.h"

#include <errno.h>
#include <string.h>

#include "track/owner.h"
#include "track/sample.h"

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
	tracker->retransmits = retransmit_table_new(tracker->sockets, tracker->processes);
	return tracker->sockets && tracker->minis && tracker->processes && tracker->listeners &&
			       tracker->retransmits
		       ? 0
		       : -ENOMEM;
}

void tracker_free(struct tracker *tracker)
{
	retransmit_table_free(tracker->retransmits);
	listener_index_free(tracker->listeners);
	mini_table_free(tracker->minis);
	process_table_free(tracker->processes);
	socket_table_free(tracker->sockets);
}

void tracker_index_listener(struct tracker *tracker, struct tcp_socket *socket, unsigned int state)
{
	if (socket->state == TCP_LISTEN && state != TCP_LISTEN)
		listener_index_remove(tracker->listeners, socket);
	if (state == TCP_LISTEN && socket->state != TCP_LISTEN &&
	    listener_index_add(tracker->listeners, socket))
		tracker->no_memory++;
}

void tracker_set_flow(struct tracker *tracker, struct tcp_socket *socket, const struct flow *flow)
{
	const bool listens = socket->state == TCP_LISTEN;

	if (listens) /* the port is a part of the key */
		listener_index_remove(tracker->listeners, socket);
	socket->flow = *flow;
	if (listens && listener_index_add(tracker->listeners, socket))
		tracker->no_memory++;
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
	retransmit_table_end(tracker->retransmits, socket);
	owner_release(socket);
	if (tracker->stacks)
		stack_table_release(tracker->stacks, socket->stack);
	socket_table_remove(tracker->sockets, socket);
}

void tracker_settle_all(struct tracker *tracker)
{
	struct tcp_socket *socket;
	uint32_t position = 0;

	while ((socket = socket_table_next(tracker->sockets, &position)))
		owner_settle(socket, process_table_unknown(tracker->processes));
	retransmit_table_settle(tracker->retransmits, UINT64_MAX);
}

void tracker_report(struct tracker *tracker, struct process *owner, const struct change *change)
{
	sample_transition(process_table_or_unknown(tracker->processes, owner), change->flow->netns,
			  change->from, change->to, change->lifetime_ns);
	tracker->hooks.changed(tracker->hooks.context, change, NULL);
}

/* A pass looks at all mini-sockets: there are so many processes for each of its looks. */
#define MINIS_PER_PROCESS 32

void tracker_fold(struct tracker *tracker, bool (*alive)(void *context, uint32_t tgid),
		  void *context)
{
	size_t spare = mini_table_count(tracker->minis) / MINIS_PER_PROCESS;

	if (!process_table_fold(tracker->processes, spare, alive, context))
		return;
	mini_table_fold(tracker->minis);
	process_table_drop(tracker->processes);
}

uint32_t tracker_fork(struct tracker *tracker, const struct event_fork *e)
{
	struct process *child;

	if (!e->child.tgid || !filter_add_child(tracker->filter, e->parent.tgid, e->parent.start_ns,
						e->child.tgid, e->child.start_ns))
		return 0;
	child = process_table_get(tracker->processes, &e->child);
	if (child) /* a record of the child may have come before this one */
		child->watched = filter_has_process(tracker->filter, child->tgid, child->start_ns,
						    child->comm);
	return e->child.tgid;
}
