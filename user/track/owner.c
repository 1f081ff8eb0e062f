// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/owner.h"

#include <errno.h>
#include <string.h>

#include "track/sample.h"
#include "model/tcp_state.h"

#define SHUTDOWN_BOTH 3

/* A waiting sample in 64 bits: 4 for each state, 56 for the duration, all ones = unknown. */
#define STEP_NS_BITS 56
#define STEP_UNKNOWN ((1ULL << STEP_NS_BITS) - 1)

static const char *const names[] = {
	[OWNER_UNKNOWN] = "unknown",   [OWNER_LISTENER] = "listener", [OWNER_IO] = "io",
	[OWNER_SNAPSHOT] = "snapshot", [OWNER_CLOSE] = "close",	      [OWNER_LISTEN] = "listen",
	[OWNER_CONNECT] = "connect",   [OWNER_ACCEPT] = "accept",
};

_Static_assert(sizeof(names) / sizeof(*names) == OWNER_SOURCES, "a name for every source");

const char *owner_source_name(enum owner_source source)
{
	return names[source];
}

enum owner_source owner_source_of(const struct event_transition *e)
{
	if (!(e->flow.flags & EVENT_ACTOR) || !e->task.tgid)
		return OWNER_UNKNOWN;
	if (e->error == ECONNABORTED) /* tcp_abort(): the actor is `ss -K`, not the owner */
		return OWNER_UNKNOWN;
	if (e->from == TCP_CLOSE && e->to == TCP_CLOSE)
		return OWNER_CLOSE;
	if (e->from == TCP_CLOSE)
		return e->to == TCP_LISTEN ? OWNER_LISTEN : OWNER_CONNECT;
	switch (e->to) {
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		/* tcp_close_state(); also to the same state, when close() follows shutdown() */
		return OWNER_CLOSE;
	case TCP_CLOSE:
		return e->shutdown == SHUTDOWN_BOTH && !e->error ? OWNER_CLOSE : OWNER_IO;
	default:
		return e->from == e->to ? OWNER_CLOSE : OWNER_IO;
	}
}

static unsigned int step_from(step_t step)
{
	return step >> 60 & 15;
}

static uint64_t step_ns(step_t step)
{
	uint64_t ns = step & STEP_UNKNOWN;

	return ns == STEP_UNKNOWN ? DURATION_UNKNOWN : ns;
}

static void step_give(struct process *process, uint32_t netns, step_t step)
{
	sample_transition(process, netns, step_from(step), step >> STEP_NS_BITS & 15,
			  step_ns(step));
}

static void steps_give(struct tcp_socket *socket, struct process *process)
{
	for (unsigned int i = 0; i < socket->step_count; i++)
		step_give(process, socket->flow.netns, socket->steps[i]);
	socket->step_count = 0;
}

static void owner_set(struct tcp_socket *socket, struct process *process, enum owner_source source)
{
	process->sockets++;
	if (socket->owner)
		socket->owner->sockets--;
	socket->owner = process;
	socket->owner_source = source;
}

static bool is_sure(enum owner_source source)
{
	return source >= OWNER_CLOSE;
}

void owner_learn(struct tcp_socket *socket, struct process *process, enum owner_source source)
{
	if (!process || source <= (enum owner_source)socket->owner_source)
		return;
	owner_set(socket, process, source);
	if (is_sure(source))
		steps_give(socket, process);
}

void owner_tally_add(struct owner_tally *tally, const struct tcp_socket *socket,
		     struct process *holder)
{
	if (!holder) {
		tally->several = true;
		return;
	}
	if (!tally->oldest)
		tally->oldest = holder;
	tally->several |= holder != tally->oldest;
	tally->owner_holds |= holder == socket->owner;
}

void owner_learn_holders(struct tcp_socket *socket, const struct owner_tally *tally)
{
	if (!tally->oldest)
		return;
	/* An owner that passed it on and closed its own copy owns it no more. */
	if (is_sure(socket->owner_source) && tally->owner_holds)
		return;
	owner_set(socket, tally->oldest, OWNER_SNAPSHOT);
	if (!tally->several)
		steps_give(socket, tally->oldest);
}

void owner_sample(struct tcp_socket *socket, struct process *unknown, unsigned int from,
		  unsigned int to, uint64_t ns)
{
	step_t step = (step_t)from << 60 | (step_t)to << STEP_NS_BITS |
		      (ns < STEP_UNKNOWN ? ns : STEP_UNKNOWN);

	if (is_sure(socket->owner_source)) {
		step_give(socket->owner, socket->flow.netns, step);
		return;
	}
	if (socket->step_count == SOCKET_STEPS) {
		step_give(socket->owner ? socket->owner : unknown, socket->flow.netns,
			  socket->steps[0]);
		memmove(&socket->steps[0], &socket->steps[1], (SOCKET_STEPS - 1) * sizeof(step_t));
		socket->step_count--;
	}
	socket->steps[socket->step_count++] = step;
}

uint64_t owner_waited_since(const struct tcp_socket *socket, unsigned int from)
{
	uint64_t sum = 0;

	for (unsigned int i = socket->step_count; i-- > 0;) {
		uint64_t ns = step_ns(socket->steps[i]);

		if (step_from(socket->steps[i]) == from)
			return sum;
		if (ns == DURATION_UNKNOWN)
			break;
		sum += ns;
	}
	return DURATION_UNKNOWN;
}

void owner_settle(struct tcp_socket *socket, struct process *unknown)
{
	steps_give(socket, socket->owner ? socket->owner : unknown);
}

void owner_release(struct tcp_socket *socket)
{
	if (socket->owner)
		socket->owner->sockets--;
	socket->owner = NULL;
	socket->owner_source = OWNER_UNKNOWN;
}
