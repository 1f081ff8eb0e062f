/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_NEGOTIATE_H
#define TCPWATCH_HTTP_NEGOTIATE_H

#include <stddef.h>

/* What a page can be served as: "text/plain", in UTF-8, and its version. */
struct http_offer {
	const char *type;
	const char *version;
};

/*
 * Which offer the Accept header (NULL = not sent) asks for most (RFC 9110, 12.5.1): of those with
 * the highest q the one that is asked for most exactly, and of these the one that is asked for
 * first. A range with another version or charset does not mean an offer; other parameters do not
 * matter. The first offer is what is served where none is wanted. Entries that are not well-formed
 * do not count. Returns the index.
 */
size_t http_negotiate(const char *accept, const struct http_offer *offers, size_t count);

#endif
