/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_CONNECTION_H
#define TCPWATCH_HTTP_CONNECTION_H

#include "http/state.h"

/* A deadline that makes http_connections_expire() end the connection in the same run. */
#define HTTP_DEADLINE_NOW 0

/* Takes it off the server's list and frees it. The socket is not closed. */
void http_connection_free(struct http_connection *connection);

/*
 * Closes and frees a connection that libmicrohttpd does not have yet. Otherwise shuts it down, and
 * libmicrohttpd closes it in one of the next runs.
 */
void http_connection_end(struct http_connection *connection);

/* Frees what is left of the page that is being sent; libmicrohttpd will get an error for it. */
void http_connection_drop_page(struct http_connection *connection);

/* Makes libmicrohttpd leave the connection alone until it is resumed. */
void http_connection_suspend(struct http_connection *connection);
void http_connection_resume(struct http_connection *connection);

/* Suspends it until the next run. */
void http_connection_pause(struct http_connection *connection);

/* Resumes connections that waited for this run, the oldest first, a few in each run. */
void http_connections_resume_paused(struct http_server *server);

/* Resumes all that are suspended: libmicrohttpd does not stop before. */
void http_connections_resume_all(struct http_server *server);

/* Whether a TLS handshake is in progress. */
bool http_connections_handshaking(struct http_server *server);

/*
 * Ends connections that missed their deadline. Returns the next time (CLOCK_MONOTONIC in ns) at
 * which there is something to do for connections or listeners; UINT64_MAX: never.
 */
uint64_t http_connections_expire(struct http_server *server, uint64_t now_ns);

#endif
