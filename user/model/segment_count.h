/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SEGMENT_COUNT_H
#define TCPWATCH_SEGMENT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tcp_state.h"

/* Numbers of retransmissions and resets. All zero is none. */
struct segment_count {
	/* Retransmissions by the state of the socket. In SYN_SENT it is a SYN, in SYN_RECV a
	 * SYN-ACK, in FIN_WAIT1, CLOSING and LAST_ACK a FIN or data before it, else data. */
	uint64_t repeated[TCP_STATES];
	uint64_t resets_sent;
	uint64_t resets_received;
};

/* Adds all numbers of *from to *to. */
void segment_count_add(struct segment_count *to, const struct segment_count *from);

/* The retransmissions in all states. */
uint64_t segment_count_repeated(const struct segment_count *count);

/* Whether any number is not 0. */
bool segment_count_any(const struct segment_count *count);

#endif
