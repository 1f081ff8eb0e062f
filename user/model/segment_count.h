/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SEGMENT_COUNT_H
#define TCPWATCH_SEGMENT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tcp_state.h"

/* How many segments told of trouble. All zero is none. */
struct segment_count {
	/* Sent again, by the state that the socket was in: SYN_SENT is a SYN, SYN_RECV a SYN-ACK,
	 * FIN_WAIT1, CLOSING and LAST_ACK a FIN or data before it, the others data. */
	uint64_t repeated[TCP_STATES];
	uint64_t resets_sent;
	uint64_t resets_received;
};

void segment_count_add(struct segment_count *to, const struct segment_count *from);

/* Of all states together. */
uint64_t segment_count_repeated(const struct segment_count *count);

/* Is there anything at all? */
bool segment_count_any(const struct segment_count *count);

#endif
