/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_BASIC_H
#define TCPWATCH_HTTP_BASIC_H

#include <stdbool.h>
#include <stddef.h>

#include "http/config_user.h"

/* The Authorization header of basic authentication (RFC 7617). */

#define HTTP_PASSWORD_LEN 256 /* with its 0; bcrypt uses the first 72 bytes */

struct http_credentials {
	char user[WEB_USER_LEN]; /* zeroes follow the name */
	char password[HTTP_PASSWORD_LEN];
};

/*
 * Parses the value of an Authorization header (NULL: the client sent none). Returns 0 or -EINVAL.
 * In both cases the caller wipes *credentials after use.
 */
int http_basic_parse(struct http_credentials *credentials, const char *header);

/* Whether `size` bytes are equal, in a time that depends on nothing but the size. */
bool http_secret_equal(const void *a, const void *b, size_t size);

#endif
