/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_SHARE_H
#define TCPWATCH_HTTP_SHARE_H

#include "http/state.h"

/* Returns what this peer has, or NULL if it has nothing. Not a reference. */
struct http_share *http_share_find(const struct http_server *server, const struct http_peer *peer);

/* Returns what this peer has, made if it is new, as a reference. NULL: out of memory. */
struct http_share *http_share_get(struct http_server *server, const struct http_peer *peer);

/* Another reference to one. */
struct http_share *http_share_hold(struct http_share *share);

/* Gives a reference back; the last one frees it. */
void http_share_put(struct http_server *server, struct http_share *share);

#endif
