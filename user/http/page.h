/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_PAGE_H
#define TCPWATCH_HTTP_PAGE_H

#include "http/state.h"

/*
 * Queues a short text: the status and its name. `header` and its value may be NULL. Returns what
 * libmicrohttpd's handler has to return: MHD_NO without memory.
 */
enum MHD_Result http_page_error(struct http_connection *connection, unsigned int status,
				const char *header, const char *value);

/* Whether it is one of config.vital_paths. */
bool http_page_is_vital(const struct http_connection *connection);

/* Calls the handler and queues the page that it made, or an error. Returns as above. */
enum MHD_Result http_page_make(struct http_connection *connection, const char *method);

#endif
