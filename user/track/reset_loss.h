/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RESET_LOSS_H
#define TCPWATCH_RESET_LOSS_H

#include <stdint.h>

#include "event.h"
#include "model/cause.h"
#include "model/flow.h"
#include "track/socket_table.h"

/*
 * What a reset took away. Many programs end connections in a reset by design, once both sides have
 * what they want: health checks, proxies that close idle connections, TLS servers whose last bytes
 * meet a client that has closed.
 */
enum reset_loss {
	RESET_HARMLESS,	  /* nothing, as far as this host can see; or the end was no reset */
	RESET_UNANSWERED, /* the client's request was not answered, or the server refused to talk */
	RESET_LOST_DATA	  /* data was unread, not sent, or sent and not acknowledged */
};

/* How many resets are remembered until the other end's record comes. */
#define RESET_RECENT 64

/* The resets that sockets of this host sent last. All zero is empty. */
struct reset_recent {
	struct reset_sent {
		struct flow flow; /* of the socket that sent it */
		uint64_t time_ns; /* 0 = none; CLOCK_MONOTONIC */
		enum reset_loss loss;
	} sent[RESET_RECENT];
	unsigned int next;
};

/* Notes in `sent` and `read` of the socket whether data passed in the state that the record ends.
 * Must be called before the socket takes on the record's sequence numbers. */
void reset_note_data(struct tcp_socket *socket, const struct event_transition *e);

/*
 * What the end of a connection by this cause took away. The socket is as of before the record;
 * NULL if it was not known. Where both ends are on this host, the one that sends the reset comes
 * first and knows what it had not read; the other one's loss is at least that.
 */
enum reset_loss reset_loss_of(struct reset_recent *recent, const struct tcp_socket *socket,
			      const struct flow *flow, const struct event_transition *e,
			      enum cause cause);

#endif
