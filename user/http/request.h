/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_REQUEST_H
#define TCPWATCH_HTTP_REQUEST_H

#include "http/state.h"

/*
 * The functions that libmicrohttpd calls for a request, in this order: when the request line is
 * read; when the headers are complete, and again after a pause; when the request is over. `context`
 * is the server, *request the connection.
 */
void *http_request_begun(void *context, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_request_handle(void *context, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *upload,
				    size_t *upload_size, void **request);
void http_request_ended(void *context, struct MHD_Connection *mhd, void **request,
			enum MHD_RequestTerminationCode why);

/* Resumes the requests whose passwords were checked. */
void http_request_authenticated(struct http_server *server);

#endif
