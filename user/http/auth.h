/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_AUTH_H
#define TCPWATCH_HTTP_AUTH_H

#include <stddef.h>

#include "http/address.h"
#include "http/basic.h"
#include "http/config.h"

/*
 * Checks passwords. bcrypt takes 50 ms and more for one, so a separate thread runs it; the hashes
 * (keyed, by HMAC) of passwords that were right are remembered, so that they are checked at once.
 */

/* How many right passwords are remembered. The least recently used one is replaced. */
#define HTTP_AUTH_CACHE_MAX 64

enum http_auth_verdict {
	HTTP_AUTH_GOOD,
	HTTP_AUTH_BAD,
	HTTP_AUTH_WAIT, /* http_auth_next() will give the verdict */
	HTTP_AUTH_BUSY, /* too many passwords are waiting already */
};

struct http_auth;

/* Returns 0 or a negative errno. The thread is started when it is needed for the first time. */
int http_auth_new(struct http_auth **auth);

/* Blocks until the password that is being checked is done; the waiting ones are dropped. */
void http_auth_free(struct http_auth *auth);

/* A descriptor, owned by *auth, that is readable when http_auth_next() has a verdict. */
int http_auth_fd(const struct http_auth *auth);

/*
 * Whether the credentials are those of one of the config's users. After HTTP_AUTH_WAIT,
 * http_auth_next() returns `request` later. An unknown user waits as long as a known one.
 */
enum http_auth_verdict http_auth_check(struct http_auth *auth, const struct web_config *config,
				       const struct http_credentials *credentials,
				       const struct http_peer *peer, void *request);

/*
 * Returns the next request whose password was checked, or NULL. *verdict is GOOD or BAD; it is WAIT
 * if the users have changed meanwhile, and then the caller has to check again.
 */
void *http_auth_next(struct http_auth *auth, enum http_auth_verdict *verdict);

/* To be called after the users have changed: forgets which passwords were right. */
void http_auth_forget(struct http_auth *auth);

/* The number of passwords that are remembered. For tests. */
size_t http_auth_cached(const struct http_auth *auth);

#endif
