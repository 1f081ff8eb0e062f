/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_PAGES_H
#define TCPWATCH_WEB_PAGES_H

#include "engine/pages.h"
#include "http/server.h"

/* The http_handler for /, /metrics, /-/healthy and /-/ready. `context` is the engine. */
void web_pages_handle(void *context, const struct http_request *request,
		      struct http_response *response);

/* Those that say that tcpwatch works: for the vital_paths of the server. */
extern const char *const web_pages_vital[];

#endif
