/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_ACCEPT_H
#define TCPWATCH_HTTP_ACCEPT_H

#include "http/state.h"

/* Accepts what waits at the listeners, within the limits. */
void http_accept_all(struct http_server *server, uint64_t now_ns);

/* Takes over a connected, non-blocking socket. Closes it if a limit is reached. */
void http_accept_add(struct http_server *server, int fd, const struct sockaddr *address);

/*
 * Hands a connection with a complete ClientHello to libmicrohttpd, one in each run. Returns whether
 * there are more.
 */
bool http_accept_hellos(struct http_server *server);

#endif
