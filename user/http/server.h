/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_SERVER_H
#define TCPWATCH_HTTP_SERVER_H

#include "http/error.h"
#include "http/types.h"

/*
 * A web server for a few pages, as one source of an epoll loop: http_server_run() does its work in
 * short steps and never blocks. The server knows nothing about the contents of the pages.
 */
struct http_server;

/*
 * Reads the web config and listens. The strings of `config` must outlive the server. Returns 0, or
 * a negative errno with a message: -EINVAL if the value of an option or the web config is wrong,
 * others if the host refuses (address in use, no such file). May block on DNS. The thread that
 * checks passwords is started when the first password arrives.
 */
int http_server_new(struct http_server **server, const struct http_config *config,
		    char error[HTTP_ERROR_LEN]);

/* Closes everything at once. May block until a password that is being checked is done. */
void http_server_free(struct http_server *server);

/*
 * A descriptor, owned by the server, that is readable when http_server_run() has something to do;
 * this includes deadlines.
 */
int http_server_epoll_fd(const struct http_server *server);

/* Does what is ready, for about limits.run_ns. If work is left, the descriptor stays readable. */
void http_server_run(struct http_server *server);

/*
 * Reads the web config again, as SIGHUP asks for. Returns 0, also without a web config, or a
 * negative errno with a message; then the old config stays in force. Open connections finish their
 * request. When one of the config's files has changed, the next connection does the same.
 */
int http_server_reload(struct http_server *server, char error[HTTP_ERROR_LEN]);

/* Where it listens: "127.0.0.1:10433", "[::]:10433". NULL for an index behind the last. */
const char *http_server_address(const struct http_server *server, size_t index);

/* Whether clients have to use TLS. For messages: "listening on https://...". */
bool http_server_is_tls(const struct http_server *server);

void http_server_counts(const struct http_server *server, struct http_counts *counts);

#endif
