/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_NEGOTIATE_H
#define TCPWATCH_HTTP_NEGOTIATE_H

#include <stddef.h>

/* A format that a page can be served in, in UTF-8: "text/plain", "0.0.4". */
struct http_offer {
	const char *type;
	const char *version;
};

/*
 * Returns the index of the offer that the Accept header (NULL: the client sent none) prefers (RFC
 * 9110, 12.5.1): the one with the highest q; among these the one that the header names most
 * exactly; among these the one that it names first. A range with another version or charset does
 * not match an offer; other parameters are ignored, as are entries that are not well-formed. If no
 * offer is wanted, the first one is served.
 */
size_t http_negotiate(const char *accept, const struct http_offer *offers, size_t count);

#endif
