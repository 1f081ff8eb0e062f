/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_FRAMING_H
#define TCPWATCH_HTTP_FRAMING_H

#include <microhttpd.h>
#include <stdbool.h>

/*
 * Whether everybody who reads the headers of this request must agree on where it ends. A proxy that
 * reads them otherwise than this server would take the rest of one request for another one (request
 * smuggling; RFC 9112, 6.3 and 11.2). If it is false, the connection has to be closed.
 */
bool http_framing_is_clear(struct MHD_Connection *mhd, const char *version);

#endif
