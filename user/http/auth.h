/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_AUTH_H
#define TCPWATCH_HTTP_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "http/address.h"
#include "http/config.h"

/*
 * Basic authentication. bcrypt takes 50 ms and more for a password, so it runs in a thread of its
 * own, which does nothing else, and good passwords are remembered by a keyed hash.
 */

#define HTTP_PASSWORD_LEN 256 /* with its 0; bcrypt looks at 72 bytes */

/* Passwords that wait for the thread, in all and of one peer. */
#define HTTP_AUTH_QUEUE_MAX 16
#define HTTP_AUTH_PEER_MAX  4

/* Good passwords that are remembered; the one not used for longest goes. */
#define HTTP_AUTH_CACHE_MAX 64

struct http_credentials {
	char user[WEB_USER_LEN]; /* zeroes behind the name */
	char password[HTTP_PASSWORD_LEN];
};

enum http_auth_verdict {
	HTTP_AUTH_GOOD,
	HTTP_AUTH_BAD,
	HTTP_AUTH_WAIT, /* http_auth_next() will tell */
	HTTP_AUTH_BUSY, /* too many wait already */
};

/*
 * Reads the value of an Authorization header (NULL = not sent). Returns 0 or -EINVAL; in both cases
 * the caller wipes *credentials after use.
 */
int http_auth_parse(struct http_credentials *credentials, const char *header);

/* Compares in a time that depends on size only. */
bool http_auth_equal(const void *a, const void *b, size_t size);

struct http_auth;

/* Returns 0 or a negative errno. No thread is started before it is needed. */
int http_auth_new(struct http_auth **auth);

/* Waits for the password that the thread is at; what waited is forgotten. */
void http_auth_free(struct http_auth *auth);

/* Readable when http_auth_next() has something. */
int http_auth_fd(const struct http_auth *auth);

/*
 * Are these the credentials of one of the config's users? With HTTP_AUTH_WAIT, `request` comes back
 * from http_auth_next(). An unknown user waits as long as a known one.
 */
enum http_auth_verdict http_auth_check(struct http_auth *auth, const struct web_config *config,
				       const struct http_credentials *credentials,
				       const struct http_peer *peer, void *request);

/*
 * The next request of which the password was looked at; NULL if there is none. *verdict is GOOD or
 * BAD, or WAIT where the users have changed meanwhile: then it must be asked again.
 */
void *http_auth_next(struct http_auth *auth, enum http_auth_verdict *verdict);

/* The users have changed: what was found out about them is forgotten. */
void http_auth_forget(struct http_auth *auth);

/* How many passwords are remembered. For tests. */
size_t http_auth_cached(const struct http_auth *auth);

#endif
