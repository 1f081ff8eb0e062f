// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t any[EVENT_ADDRESS_LEN];

static bool is_mapped(const uint8_t *address)
{
	return !memcmp(address, mapped_prefix, sizeof(mapped_prefix));
}

static void unmap(uint8_t *to, const uint8_t *from)
{
	memset(to, 0, EVENT_ADDRESS_LEN);
	memcpy(to, from + sizeof(mapped_prefix), 4);
}

void flow_read(struct flow *flow, const struct event_flow *wire, uint32_t netns)
{
	/* If a socket bound to :: connects to a mapped address, its local address is mapped too. */
	if (wire->family == AF_INET6 && (is_mapped(wire->local) || is_mapped(wire->remote))) {
		flow->family = AF_INET;
		unmap(flow->local, wire->local);
		unmap(flow->remote, wire->remote);
	} else {
		flow->family = wire->family;
		memcpy(flow->local, wire->local, EVENT_ADDRESS_LEN);
		memcpy(flow->remote, wire->remote, EVENT_ADDRESS_LEN);
	}
	flow->local_port = wire->local_port;
	flow->remote_port = wire->remote_port;
	flow->netns = netns;
}

static const char *endpoint_format(int family, const uint8_t *address, uint16_t port, char *text)
{
	char host[INET6_ADDRSTRLEN];

	if (!inet_ntop(family, address, host, sizeof(host)))
		snprintf(host, sizeof(host), "?");
	snprintf(text, ENDPOINT_TEXT_LEN, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
	return text;
}

const char *flow_format_local(const struct flow *flow, char text[ENDPOINT_TEXT_LEN])
{
	return endpoint_format(flow->family, flow->local, flow->local_port, text);
}

const char *flow_format_remote(const struct flow *flow, char text[ENDPOINT_TEXT_LEN])
{
	return endpoint_format(flow->family, flow->remote, flow->remote_port, text);
}

bool flow_same_but_port(const struct flow *a, const struct flow *b)
{
	return a->remote_port == b->remote_port && a->netns == b->netns && a->family == b->family &&
	       !memcmp(a->remote, b->remote, EVENT_ADDRESS_LEN) &&
	       !memcmp(a->local, b->local, EVENT_ADDRESS_LEN);
}

bool flow_local_is_any(const struct flow *flow)
{
	return !memcmp(flow->local, any, sizeof(any));
}

bool flow_is_from_listener(const struct flow *flow, const struct flow *listener)
{
	if (flow->netns != listener->netns || flow->local_port != listener->local_port)
		return false;
	/* A listener on :: also accepts IPv4; one on 0.0.0.0 does not accept IPv6. */
	if (flow_local_is_any(listener))
		return flow->family == AF_INET || listener->family == AF_INET6;
	return flow->family == listener->family &&
	       !memcmp(flow->local, listener->local, EVENT_ADDRESS_LEN);
}
