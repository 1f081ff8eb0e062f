/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_GENERATION_H
#define TCPWATCH_HTTP_GENERATION_H

#include "http/error.h"
#include "http/state.h"

/*
 * Reads the web config, and starts a new generation if its TLS material differs from the newest
 * one's. Returns 0 or a negative errno with a message; then everything stays as it is.
 */
int http_generation_load(struct http_server *server, char error[HTTP_ERROR_LEN]);

/* The same while the server runs: counts it as a reload if there is a web config. */
int http_generation_reload(struct http_server *server, char error[HTTP_ERROR_LEN]);

/* Reloads if a file of the web config has changed. Looks at the files at most once a second. */
void http_generation_look(struct http_server *server, uint64_t now_ns);

/* Runs daemons, at least one shard. Returns whether there are more to run. */
bool http_generation_run(struct http_server *server);

/* Whether libmicrohttpd has work left that its epoll descriptor does not show any more. */
bool http_generation_busy(const struct http_server *server);

/* Frees the old generations that have no connections left. */
void http_generation_reap(struct http_server *server);

/* Frees all of them. No connection may be suspended. */
void http_generation_free_all(struct http_server *server);

#endif
