/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FLOW_H
#define TCPWATCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* A socket's two ends. An IPv4-mapped IPv6 socket is IPv4 here; IPv4 addresses are in the first 4
 * bytes. */
struct flow {
	uint8_t local[EVENT_ADDRESS_LEN];  /* network byte order */
	uint8_t remote[EVENT_ADDRESS_LEN]; /* network byte order */
	uint16_t local_port;		   /* host byte order, 0 = not chosen yet */
	uint16_t remote_port;
	uint32_t netns;	 /* inode number */
	uint16_t family; /* AF_INET or AF_INET6 */
};

/* "[v6]:port" at its longest, with the 0. */
#define ENDPOINT_TEXT_LEN 56

/* Reads the flow of a checked record (event_check()). */
void flow_read(struct flow *flow, const struct event_flow *wire, uint32_t netns);

/* Write "addr:port" or "[v6]:port"; return text. */
const char *flow_format_local(const struct flow *flow, char text[ENDPOINT_TEXT_LEN]);
const char *flow_format_remote(const struct flow *flow, char text[ENDPOINT_TEXT_LEN]);

/* Are they the same but perhaps for the local port? */
bool flow_same_but_port(const struct flow *a, const struct flow *b);

/* Is the local address 0.0.0.0 or ::? */
bool flow_local_is_any(const struct flow *flow);

/* Could a socket with this flow have come in by that listener's flow: netns, port, address or
 * wildcard? */
bool flow_is_from_listener(const struct flow *flow, const struct flow *listener);

#endif
