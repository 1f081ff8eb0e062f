/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_GZIP_H
#define TCPWATCH_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Pages smaller than this are sent as they are. */
#define HTTP_GZIP_MIN 1024

/* What a compressed page costs in memory besides its text, in bytes. */
#define HTTP_GZIP_MEMORY (112 * 1024)

/* Does Accept-Encoding (NULL = not sent) ask for gzip at least as much as for plain text? */
bool http_gzip_wanted(const char *accept_encoding);

/* The text of a page on its way out, compressed piece by piece or as it is. */
struct http_body;

/*
 * Takes over `text`, which was malloc()ed. Returns NULL without memory; then `text` is still the
 * caller's.
 */
struct http_body *http_body_new(char *text, size_t size, bool gzip);
void http_body_free(struct http_body *body);

/* Nothing is left to read. */
#define HTTP_BODY_END (-1)
/* The compressor failed. */
#define HTTP_BODY_FAULT (-2)

/*
 * Puts the next bytes into `piece`. Returns how many, 0 if until_ns (CLOCK_MONOTONIC) came before
 * there was anything, HTTP_BODY_END or HTTP_BODY_FAULT. One call compresses 16 KB at least.
 */
ssize_t http_body_read(struct http_body *body, char *piece, size_t capacity, uint64_t until_ns);

#endif
