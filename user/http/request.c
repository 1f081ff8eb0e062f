// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/request.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/connection.h"
#include "http/framing.h"
#include "http/page.h"

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Takes "/path" from "/path?query" or "http://host/path". */
static void path_set(struct http_connection *connection, const char *uri)
{
	size_t length;

	if (*uri != '/') {
		const char *slashes = strstr(uri, "://");

		uri = slashes ? strchr(slashes + 3, '/') : uri;
		if (!uri)
			uri = "/";
	}
	length = strcspn(uri, "?");
	if (length >= HTTP_PATH_LEN)
		length = 0;
	memcpy(connection->path, uri, length);
	connection->path[length] = '\0';
}

void *http_request_begun(void *context, const char *uri, struct MHD_Connection *mhd)
{
	struct http_connection *connection = connection_of(mhd);
	struct http_server *server = context;
	uint64_t deadline_ns = clock_now() + server->limits.header_ns;

	if (!connection)
		return NULL;
	server->progress = true;
	connection->asked = false;
	connection->auth_known = false;
	path_set(connection, uri);
	if (connection->phase == HTTP_IDLE) {
		connection->phase = HTTP_READING;
		connection->since_ns = clock_now();
		if (deadline_ns < connection->deadline_ns)
			connection->deadline_ns = deadline_ns;
	}
	return connection;
}

void http_request_ended(void *context, struct MHD_Connection *mhd, void **request,
			enum MHD_RequestTerminationCode why)
{
	struct http_server *server = context;
	struct http_connection *connection = *request;
	char byte;

	(void)mhd;
	(void)why;
	*request = NULL;
	server->progress = true;
	if (!connection || connection->phase == HTTP_CLOSING)
		return;
	/* The end of the stream may have arrived with the request. libmicrohttpd 0.9.75 misses it
	 * then, since its epoll reports edges only. */
	if (!recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT)) {
		http_connection_end(connection);
		return;
	}
	connection->phase = HTTP_IDLE;
	connection->since_ns = clock_now();
	connection->deadline_ns = connection->since_ns + server->limits.idle_ns;
}

/* No page takes a body. Returns the status that refuses one; 0: there is none. */
static unsigned int body_status(struct MHD_Connection *mhd)
{
	const char *length =
		MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	/* RFC 9112, 6.3: a body without a length. */
	if (MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		return MHD_HTTP_LENGTH_REQUIRED;
	return length && strcmp(length, "0") != 0 ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

void http_request_authenticated(struct http_server *server)
{
	enum http_auth_verdict verdict;
	struct http_connection *connection;

	while ((connection = http_auth_next(server->auth, &verdict))) {
		connection->auth = verdict;
		/* After a change of the users it has to be checked again. */
		connection->auth_known = verdict != HTTP_AUTH_WAIT;
		connection->deadline_ns = clock_now() + server->limits.response_ns;
		http_connection_resume(connection);
	}
}

static void authenticate(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_credentials credentials;
	const char *header = MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_AUTHORIZATION);

	connection->auth = HTTP_AUTH_BAD;
	if (!http_basic_parse(&credentials, header))
		connection->auth = http_auth_check(server->auth, server->web, &credentials,
						   &connection->share->peer, connection);
	explicit_bzero(&credentials, sizeof(credentials));
	connection->auth_known = connection->auth != HTTP_AUTH_WAIT;
}

/* Whether the request may go on to its page. If not, *result is what to return. */
static bool is_allowed(struct http_connection *connection, enum MHD_Result *result)
{
	*result = MHD_YES;
	if (!connection->server->web || !connection->server->web->user_count)
		return true;
	if (!connection->auth_known)
		authenticate(connection);
	switch (connection->auth) {
	case HTTP_AUTH_GOOD:
		return true;
	case HTTP_AUTH_WAIT:
		connection->deadline_ns = UINT64_MAX;
		http_connection_suspend(connection);
		return false;
	case HTTP_AUTH_BUSY:
		*result = http_page_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
					  MHD_HTTP_HEADER_RETRY_AFTER, "2");
		return false;
	case HTTP_AUTH_BAD:
	default:
		connection->server->counts.auth_failed++;
		*result = http_page_error(connection, MHD_HTTP_UNAUTHORIZED,
					  MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					  "Basic realm=\"tcpwatch\", charset=\"UTF-8\"");
		return false;
	}
}

enum MHD_Result http_request_handle(void *context, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *upload,
				    size_t *upload_size, void **request)
{
	struct http_server *server = context;
	struct http_connection *connection = *request;
	enum MHD_Result result;

	(void)url;
	(void)upload;
	server->progress = true;
	if (!connection || connection->phase == HTTP_CLOSING || *upload_size)
		return MHD_NO;
	if (!connection->asked) {
		connection->asked = true;
		connection->phase = HTTP_ANSWERING;
		connection->since_ns = clock_now();
		connection->deadline_ns = connection->since_ns + server->limits.response_ns;
		if (!http_framing_is_clear(mhd, version))
			return http_page_error(connection, MHD_HTTP_BAD_REQUEST,
					       MHD_HTTP_HEADER_CONNECTION, "close");
		if (!body_status(mhd))
			return MHD_YES;
	}
	/* An answer before the body is read makes libmicrohttpd close the connection. */
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return http_page_error(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				       MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (body_status(mhd))
		return http_page_error(connection, body_status(mhd), NULL, NULL);
	if (!*connection->path)
		return http_page_error(connection, MHD_HTTP_URI_TOO_LONG, NULL, NULL);
	if (!http_page_is_vital(connection) && clock_now() >= server->until_ns) {
		http_connection_pause(connection);
		return MHD_YES;
	}
	if (!is_allowed(connection, &result))
		return result;
	return http_page_make(connection, method);
}
