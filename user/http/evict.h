/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_EVICT_H
#define TCPWATCH_HTTP_EVICT_H

#include "http/state.h"

/*
 * Room for those who come, where a limit is reached: the slowest connection of the peer that has
 * most of what is scarce is ended. A connection that is neither idle nor slow is only ended for a
 * peer that has less. So a client that behaves is served, whatever others hold.
 */

/* Whether this peer may have another connection. */
bool http_evict_for_connection(struct http_server *server, const struct http_peer *peer);

/* Whether this connection may have another page. The memory of pages that go is freed at once. */
bool http_evict_for_page(struct http_connection *connection);

#endif
