/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TCP_STATE_H
#define TCPWATCH_TCP_STATE_H

#include <netinet/tcp.h> /* TCP_ESTABLISHED = 1 ... TCP_CLOSING = 11, as in the kernel's tcp_states.h */
#include <stdbool.h>

/* One more than the highest state; state 0 does not exist. */
#define TCP_STATES (TCP_CLOSING + 1)

static inline bool tcp_state_valid(unsigned int state)
{
	return state >= TCP_ESTABLISHED && state <= TCP_CLOSING;
}

/* The kernel's name of a state, "?" for one out of range. */
const char *tcp_state_name(unsigned int state);

/* The order in which people read states: a connection's life, then LISTEN. 0 ends it. */
extern const unsigned char tcp_state_order[TCP_STATES];

#endif
