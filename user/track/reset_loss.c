// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/reset_loss.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "model/tcp_state.h"

#define SHUTDOWN_RECEIVE 1

/* A client's last words: QUIT of a protocol, or TLS's close_notify (up to 85 bytes). */
#define FAREWELL 96
/* The same of a server, and a server's first words: a banner, session tickets of TLS. */
#define GREETING 1024
/* A receiver acknowledges at least every second full segment (RFC 9293, 3.8.6.3), so what goes
 * beyond that was not received, or not even sent. */
#define UNSEEN_SEGMENTS 2
/* The records of both ends come one after the other. */
#define PAIR_NS NS_PER_S

/* A reset as one end sees it. What is not known is as in a connection that was used. */
struct reset {
	enum socket_role role;
	bool by_peer;
	bool sent;	  /* this side ever sent data */
	bool read;	  /* the program ever read data */
	bool peer_closed; /* its FIN was received */
	bool closed;	  /* this side has sent its FIN, and does not read any more */
	uint32_t unread;  /* bytes, without the FIN */
	uint32_t unacked; /* bytes that this side wrote, without the FIN */
	uint32_t unseen;  /* so many of them the peer may have although it did not say so */
	unsigned int flags;
};

static bool is_reset(enum cause cause, bool *by_peer)
{
	*by_peer = cause == CAUSE_RESET_RECEIVED;
	return *by_peer || cause == CAUSE_RESET_SENT || cause == CAUSE_ABORT;
}

static bool peer_has_closed(const struct event_transition *e)
{
	return e->flow.flags & EVENT_DONE || e->from == TCP_CLOSE_WAIT || e->from == TCP_LAST_ACK ||
	       e->from == TCP_CLOSING;
}

static bool has_sent_fin(const struct event_transition *e)
{
	return e->from == TCP_FIN_WAIT1 || e->from == TCP_FIN_WAIT2 || e->from == TCP_LAST_ACK ||
	       e->from == TCP_CLOSING;
}

static uint32_t without_fin(uint32_t bytes, bool fin)
{
	return bytes && fin ? bytes - 1 : bytes;
}

void reset_note_data(struct tcp_socket *socket, const struct event_transition *e)
{
	/* A read of the FIN counts 1, too. */
	uint32_t taken_fin = peer_has_closed(e) && !e->recv_queue ? 1 : 0;

	/* The socket's numbers are those at the transition before, when no FIN was in them. */
	switch (e->from) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		socket->sent |= e->write_seq != socket->write_seq;
		__attribute__((fallthrough));
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		socket->read |= e->copied_seq - taken_fin != socket->copied_seq;
		break;
	default:
		break;
	}
}

static struct reset read_reset(const struct tcp_socket *socket, const struct event_transition *e,
			       bool by_peer)
{
	bool opened = socket && socket->opened;
	bool fin = has_sent_fin(e);

	return (struct reset){
		.role = socket ? socket->role : ROLE_UNKNOWN,
		.by_peer = by_peer,
		.sent = !opened || socket->sent,
		.read = !opened || socket->read,
		.peer_closed = peer_has_closed(e),
		/* After a mere shutdown(SHUT_WR) it still waits for the answer. */
		.closed = fin && (e->flow.flags & EVENT_DEAD || e->shutdown & SHUTDOWN_RECEIVE),
		.unread = without_fin(e->recv_queue, peer_has_closed(e)),
		.unacked = without_fin(e->unacknowledged, fin),
		.unseen = UNSEEN_SEGMENTS * e->mss,
		.flags = e->flow.flags,
	};
}

static bool has_received(const struct reset *reset)
{
	return reset->read || reset->unread;
}

static enum reset_loss lost_if(bool lost)
{
	return lost ? RESET_LOST_DATA : RESET_HARMLESS;
}

/* The peer's FIN came before: what this side sent since is a farewell, or comes too late. */
static enum reset_loss after_peers_fin(const struct reset *reset)
{
	uint32_t farewell = reset->role == ROLE_CLIENT ? FAREWELL : GREETING;

	/* A client that never got a byte had no reason to say farewell. */
	if (reset->role == ROLE_CLIENT && !has_received(reset))
		farewell = 0;
	if (reset->role == ROLE_SERVER && !reset->by_peer && reset->read && !reset->sent)
		return RESET_UNANSWERED;
	return lost_if(reset->unacked > farewell);
}

/* The peer ends it while this side has not closed. */
static enum reset_loss interrupted(const struct reset *reset)
{
	if (reset->role == ROLE_CLIENT) {
		if (reset->unacked)
			return RESET_LOST_DATA;
		/* The server refuses to talk, or does not answer the last request. */
		return !has_received(reset) || (reset->sent && reset->flags & EVENT_SENT_LAST)
			       ? RESET_UNANSWERED
			       : RESET_HARMLESS;
	}
	if (reset->unacked > reset->unseen)
		return RESET_LOST_DATA;
	if (reset->role == ROLE_SERVER && has_received(reset) && !reset->sent)
		return RESET_UNANSWERED;
	return RESET_HARMLESS;
}

/* This side ends it, with everything read. */
static enum reset_loss aborted(const struct reset *reset)
{
	if (reset->role == ROLE_CLIENT) {
		if (reset->sent && !reset->read)
			return reset->unacked ? RESET_LOST_DATA : RESET_UNANSWERED;
		return lost_if(reset->unacked > FAREWELL);
	}
	if (reset->unacked)
		return RESET_LOST_DATA;
	if (reset->role == ROLE_SERVER &&
	    (!reset->sent || (reset->read && reset->flags & EVENT_RECEIVED_LAST)))
		return RESET_UNANSWERED;
	return RESET_HARMLESS;
}

/* This side closed in order before; then the reset came, or data that was answered by it. How much
 * data that was, no record says. */
static enum reset_loss after_close(const struct reset *reset)
{
	if (reset->role == ROLE_SERVER && !reset->sent && !reset->by_peer)
		return RESET_UNANSWERED;
	return lost_if(reset->unacked > reset->unseen);
}

/* This side ends it and has data unread. */
static enum reset_loss unread(const struct reset *reset)
{
	if (reset->role == ROLE_CLIENT && !reset->sent && reset->unread <= GREETING)
		return RESET_HARMLESS; /* it only looked whether the server is there */
	/* All of the answer but the farewell was read. */
	return lost_if(!reset->peer_closed || !reset->read || reset->unread > FAREWELL);
}

static enum reset_loss judge(const struct reset *reset)
{
	if (!reset->by_peer && reset->unread)
		return unread(reset);
	if (reset->peer_closed)
		return after_peers_fin(reset);
	if (reset->closed)
		return after_close(reset);
	return reset->by_peer ? interrupted(reset) : aborted(reset);
}

static bool is_other_end(const struct flow *a, const struct flow *b)
{
	return a->family == b->family && a->local_port == b->remote_port &&
	       a->remote_port == b->local_port && !memcmp(a->local, b->remote, sizeof(a->local)) &&
	       !memcmp(a->remote, b->local, sizeof(a->local));
}

/* What the other end lost, if it is on this host and has sent the reset. The network namespaces may
 * differ. */
static enum reset_loss loss_of_sender(struct reset_recent *recent, const struct flow *flow,
				      uint64_t time_ns)
{
	for (unsigned int i = 0; i < RESET_RECENT; i++) {
		struct reset_sent *sent = &recent->sent[i];

		if (!sent->time_ns || !is_other_end(&sent->flow, flow) ||
		    (time_ns > sent->time_ns && time_ns - sent->time_ns > PAIR_NS))
			continue;
		sent->time_ns = 0;
		return sent->loss;
	}
	return RESET_HARMLESS;
}

enum reset_loss reset_loss_of(struct reset_recent *recent, const struct tcp_socket *socket,
			      const struct flow *flow, const struct event_transition *e,
			      enum cause cause)
{
	enum reset_loss loss, other;
	struct reset reset;
	bool by_peer;

	if (e->to != TCP_CLOSE || !is_reset(cause, &by_peer))
		return RESET_HARMLESS;
	reset = read_reset(socket, e, by_peer);
	loss = judge(&reset);
	if (by_peer) {
		other = loss_of_sender(recent, flow, e->time_ns);
		return other > loss ? other : loss;
	}
	recent->sent[recent->next++ % RESET_RECENT] =
		(struct reset_sent){.flow = *flow, .time_ns = e->time_ns, .loss = loss};
	return loss;
}
