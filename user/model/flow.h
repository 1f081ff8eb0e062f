/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FLOW_H
#define TCPWATCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* The two ends of a socket. An IPv6 socket with IPv4-mapped addresses is an IPv4 socket here. IPv4
 * addresses are in the first 4 bytes. */
struct flow {
	uint8_t local[EVENT_ADDRESS_LEN];  /* network byte order */
	uint8_t remote[EVENT_ADDRESS_LEN]; /* network byte order */
	uint16_t local_port;		   /* host byte order, 0 = not chosen yet */
	uint16_t remote_port;		   /* host byte order, 0 for a listener */
	uint32_t netns;			   /* inode number of the network namespace */
	uint16_t family;		   /* AF_INET or AF_INET6 */
};

/* Bytes of the longest "[address]:port", with the terminating 0. */
#define ENDPOINT_TEXT_LEN 56

/* Fills *flow from a record that event_check() accepted. */
void flow_read(struct flow *flow, const struct event_flow *wire, uint32_t netns);

/* Write "address:port" or "[address]:port" for IPv6 to `text` and return it. */
const char *flow_format_local(const struct flow *flow, char text[ENDPOINT_TEXT_LEN]);
const char *flow_format_remote(const struct flow *flow, char text[ENDPOINT_TEXT_LEN]);

/* Whether they differ at most by the local port. */
bool flow_same_but_port(const struct flow *a, const struct flow *b);

/* Whether the local address is 0.0.0.0 or ::. */
bool flow_local_is_any(const struct flow *flow);

/* Whether a socket with this flow can have come in by a listener: same network namespace and port,
 * and same address or a wildcard. */
bool flow_is_from_listener(const struct flow *flow, const struct flow *listener);

#endif
