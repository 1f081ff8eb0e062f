// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/owner.h"

#include <errno.h>
#include <string.h>

#include "track/sample.h"
#include "model/tcp_state.h"

#define SHUTDOWN_BOTH 3

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
	if (e->error == ECONNABORTED) /* tcp_abort() for `ss -K`: the actor is not the owner */
		return OWNER_UNKNOWN;
	if (e->from == TCP_CLOSE && e->to == TCP_CLOSE)
		return OWNER_CLOSE;
	if (e->from == TCP_CLOSE)
		return e->to == TCP_LISTEN ? OWNER_LISTEN : OWNER_CONNECT;
	switch (e->to) {
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		/* tcp_close_state() in net/ipv4/tcp.c; the state stays the same if close() follows
		 * shutdown() */
		return OWNER_CLOSE;
	case TCP_CLOSE:
		return e->shutdown == SHUTDOWN_BOTH && !e->error ? OWNER_CLOSE : OWNER_IO;
	default:
		return e->from == e->to ? OWNER_CLOSE : OWNER_IO;
	}
}

static uint64_t sample_ns(const struct socket_sample *sample)
{
	return sample->ns == SOCKET_SAMPLE_UNKNOWN ? DURATION_UNKNOWN : sample->ns;
}

static void sample_give(struct process *process, uint32_t netns, const struct socket_sample *sample)
{
	sample_transition(process, netns, sample->from, sample->to, sample_ns(sample));
}

static void samples_give(struct tcp_socket *socket, struct process *process)
{
	for (unsigned int i = 0; i < socket->sample_count; i++)
		sample_give(process, socket->flow.netns, &socket->samples[i]);
	socket->sample_count = 0;
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
	if (!is_sure(source))
		return;
	socket->owner_new = 1;
	samples_give(socket, process);
}

void owner_learn_queue(struct tcp_socket *socket, struct process *process)
{
	if (socket->owner_source > OWNER_LISTENER)
		return;
	if (process)
		owner_set(socket, process, OWNER_LISTENER);
	else
		owner_release(socket);
}

bool owner_is_activator(const struct process *process)
{
	return !strcmp(process->comm, "systemd");
}

void owner_tally_add(struct owner_tally *tally, const struct tcp_socket *socket,
		     struct process *holder)
{
	if (!holder) {
		tally->several = true;
		return;
	}
	if (!tally->first)
		tally->first = holder;
	if (!tally->oldest || (owner_is_activator(tally->oldest) && !owner_is_activator(holder)))
		tally->oldest = holder;
	tally->several |= holder != tally->first;
	tally->owner_holds |= holder == socket->owner;
}

void owner_learn_holders(struct tcp_socket *socket, const struct owner_tally *tally)
{
	if (!tally->oldest)
		return;
	/* An owner that passed the socket on and closed its own descriptor does not own it any
	 * more. */
	if (is_sure(socket->owner_source) && tally->owner_holds &&
	    (!owner_is_activator(socket->owner) || owner_is_activator(tally->oldest)))
		return;
	owner_set(socket, tally->oldest, OWNER_SNAPSHOT);
	if (!tally->several)
		samples_give(socket, tally->oldest);
}

void owner_learn_scanned(struct tcp_socket *socket, struct process_table *processes,
			 const struct event_scan *records, size_t count)
{
	struct owner_tally tally = {0};

	for (size_t i = 0; i < count && records[i].header.kind == EVENT_SCAN_FD; i++)
		owner_tally_add(&tally, socket, process_table_get(processes, &records[i].task));
	owner_learn_holders(socket, &tally);
}

void owner_sample(struct tcp_socket *socket, struct process *unknown, unsigned int from,
		  unsigned int to, uint64_t ns)
{
	if (is_sure(socket->owner_source)) {
		sample_transition(socket->owner, socket->flow.netns, from, to, ns);
		return;
	}
	if (socket->sample_count == SOCKET_SAMPLES) {
		sample_give(socket->owner ? socket->owner : unknown, socket->flow.netns,
			    &socket->samples[0]);
		memmove(&socket->samples[0], &socket->samples[1],
			(SOCKET_SAMPLES - 1) * sizeof(socket->samples[0]));
		socket->sample_count--;
	}
	socket->samples[socket->sample_count++] = (struct socket_sample){
		.ns = ns < SOCKET_SAMPLE_UNKNOWN ? ns : SOCKET_SAMPLE_UNKNOWN,
		.from = from & 15,
		.to = to & 15,
	};
}

uint64_t owner_waited_since(const struct tcp_socket *socket, unsigned int from)
{
	uint64_t sum = 0;

	for (unsigned int i = socket->sample_count; i-- > 0;) {
		uint64_t ns = sample_ns(&socket->samples[i]);

		if (socket->samples[i].from == from)
			return sum;
		if (ns == DURATION_UNKNOWN)
			break;
		sum += ns;
	}
	return DURATION_UNKNOWN;
}

void owner_settle(struct tcp_socket *socket, struct process *unknown)
{
	samples_give(socket, socket->owner ? socket->owner : unknown);
}

void owner_release(struct tcp_socket *socket)
{
	if (socket->owner)
		socket->owner->sockets--;
	socket->owner = NULL;
	socket->owner_source = OWNER_UNKNOWN;
}
