/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_TLS_H
#define TCPWATCH_HTTP_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "http/config_tls.h"
#include "http/error.h"

#define HTTP_TLS_PRIORITIES_LEN 384

/* What TLS needs, read from files, in PEM. */
struct http_tls {
	char *cert; /* the chain */
	char *key;
	char *client_ca; /* NULL: no client certificates */
	enum web_client_auth client_auth;
	char priorities[HTTP_TLS_PRIORITIES_LEN];
};

/*
 * Reads the files and checks that they match. Returns 0 or a negative errno with a message. The
 * caller frees *tls with http_tls_free().
 */
int http_tls_load(struct http_tls **tls, const struct web_tls_config *config,
		  char error[HTTP_ERROR_LEN]);

/* Wipes the key before it frees. NULL is allowed. */
void http_tls_free(struct http_tls *tls);

/* Whether both have the same material. Both may be NULL. */
bool http_tls_same(const struct http_tls *a, const struct http_tls *b);

/* Prepares a session before its handshake: ALPN, and whether to ask for a certificate. */
void http_tls_prepare(gnutls_session_t session, const struct http_tls *tls);

/*
 * Whether a complete ClientHello waits in the socket, so that libmicrohttpd can read it without
 * waiting. Returns 1 if it does, 0 if it does not yet, -EPROTOTYPE for what looks like plain HTTP,
 * -EPROTO for no ClientHello or one in pieces that no client sends, -EPIPE at the end of the
 * stream, or another negative errno. Reads by MSG_PEEK, so everything stays in the socket.
 */
int http_tls_hello(int fd);

#endif
