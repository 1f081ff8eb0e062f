/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TCP_TRANSITION_H
#define TCPWATCH_TCP_TRANSITION_H

#include <stdbool.h>
#include <stddef.h>

/* Who makes a transition. */
enum transition_by { BY_PROCESS, BY_PEER, BY_TIMER, BY_ANY };

/* A way from one state to another: an entry of model/tcp_states.def. */
struct tcp_transition {
	unsigned char from; /* TCP_ESTABLISHED ... TCP_CLOSING */
	unsigned char to;
	enum transition_by by;
	bool is_mini;	  /* only tcpwatch tells it: the kernel's tracepoint never does */
	const char *what; /* what happens, in words */
	const char *sent; /* the segment that is sent then; "" for none */
};

/* All of them, in the order of model/tcp_states.def. */
extern const struct tcp_transition tcp_transitions[];
extern const size_t tcp_transition_count;

/* Does the kernel's tracepoint ever tell of it? For any two numbers. */
bool tcp_transition_is_recorded(unsigned int from, unsigned int to);

/* "process", "peer", "timer" or "any". */
const char *transition_by_name(enum transition_by by);

#endif
