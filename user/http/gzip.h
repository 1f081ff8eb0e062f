/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_GZIP_H
#define TCPWATCH_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Pages smaller than this are sent as they are. */
#define HTTP_GZIP_MIN 1024

/* The memory that a page takes while it is compressed, besides its text, in bytes. */
#define HTTP_GZIP_MEMORY (112 * 1024)

/* Whether Accept-Encoding (NULL: the client sent none) prefers gzip, or likes both equally. */
bool http_gzip_wanted(const char *accept_encoding);

/* The text of a page that is being sent, compressed piece by piece or as it is. */
struct http_body;

/*
 * Takes over `text`, which is from malloc(). Returns NULL without memory; then the caller still
 * owns `text`. The caller frees the body with http_body_free().
 */
struct http_body *http_body_new(char *text, size_t size, bool gzip);
void http_body_free(struct http_body *body);

/* Everything has been read. */
#define HTTP_BODY_END (-1)
/* The compressor failed. */
#define HTTP_BODY_FAULT (-2)

/*
 * Puts the next bytes into `piece`. Returns how many; 0 if the compressor has put out nothing by
 * until_ns (CLOCK_MONOTONIC); HTTP_BODY_END; or HTTP_BODY_FAULT. One call compresses at least 16
 * KB.
 */
ssize_t http_body_read(struct http_body *body, char *piece, size_t capacity, uint64_t until_ns);

#endif
