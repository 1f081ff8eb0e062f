/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TCP_STATE_H
#define TCPWATCH_TCP_STATE_H

#include <netinet/tcp.h> /* TCP_ESTABLISHED = 1 ... TCP_CLOSING = 11, as in the kernel's tcp_states.h */
#include <stdbool.h>
#include <stddef.h>

/* One more than the highest state; state 0 does not exist. */
#define TCP_STATES (TCP_CLOSING + 1)

static inline bool tcp_state_valid(unsigned int state)
{
	return state >= TCP_ESTABLISHED && state <= TCP_CLOSING;
}

/* The kernel's name of a state, "?" for one out of range. */
const char *tcp_state_name(unsigned int state);

/* The order in which outputs list the states: a connection's life, then LISTEN and CLOSE. 0 ends
 * it. */
extern const unsigned char tcp_state_order[TCP_STATES];

/* What causes a transition. */
enum tcp_transition_by { BY_PROCESS, BY_PEER, BY_TIMER, BY_ANY };

/* A transition from one state to another: an entry of model/tcp_states.def. */
struct tcp_transition {
	unsigned char from; /* TCP_ESTABLISHED ... TCP_CLOSING */
	unsigned char to;
	enum tcp_transition_by by;
	bool is_mini;	  /* of a mini-socket: the tracepoint inet_sock_set_state never has it */
	const char *what; /* what happens, in words */
	const char *sent; /* the segment that is sent then; "" for none */
};

/* All transitions, in the order of model/tcp_states.def. */
extern const struct tcp_transition tcp_transitions[];
extern const size_t tcp_transition_count;

/* Whether the tracepoint inet_sock_set_state can have this transition; false for numbers that are
 * no states. */
bool tcp_transition_is_recorded(unsigned int from, unsigned int to);

/* "process", "peer", "timer" or "any". */
const char *tcp_transition_by_name(enum tcp_transition_by by);

#endif
