// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/connection.h"
#include "http/evict.h"
#include "http/gzip.h"
#include "http/share.h"

/* The most bytes of a page to hand to libmicrohttpd at once. */
#define PIECE (16 * 1024)

static void header_add(struct MHD_Response *response, const char *name, const char *value)
{
	/* This fails only without memory, and the answer is correct without the header. */
	(void)MHD_add_response_header(response, name, value);
}

/* Pages have no scripts, and load nothing from elsewhere. */
static const char *const security[][2] = {
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "deny"},
	{"Referrer-Policy", "no-referrer"},
	{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
				    "img-src data:; base-uri 'none'; form-action 'none'; "
				    "frame-ancestors 'none'"},
};

/* Adds the web config's headers, and for those that it does not set, the defaults above. */
static void headers_add(const struct http_server *server, struct MHD_Response *response)
{
	const struct web_header *set = server->web ? server->web->headers : NULL;
	size_t count = server->web ? server->web->header_count : 0;

	for (size_t i = 0; i < count; i++)
		header_add(response, set[i].name, set[i].value);
	for (size_t i = 0; i < sizeof(security) / sizeof(security[0]); i++) {
		if (!MHD_get_response_header(response, security[i][0]))
			header_add(response, security[i][0], security[i][1]);
	}
}

/*
 * Wipes the password in the memory of libmicrohttpd, too. Not before the answer: after a change of
 * the users it is checked again.
 */
static void password_wipe(struct MHD_Connection *mhd)
{
	const char *header =
		MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

	if (header)
		explicit_bzero((char *)header, strlen(header));
}

static enum MHD_Result queue(struct http_connection *connection, unsigned int status,
			     struct MHD_Response *response)
{
	struct http_server *server = connection->server;
	enum MHD_Result result;

	password_wipe(connection->mhd);
	headers_add(server, response);
	header_add(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
	header_add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (connection->generation != server->generations)
		header_add(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection->mhd, status, response);
	MHD_destroy_response(response);
	server->counts.requests++;
	return result;
}

enum MHD_Result http_page_error(struct http_connection *connection, unsigned int status,
				const char *header, const char *value)
{
	char text[80];
	int length =
		snprintf(text, sizeof(text), "%u %s\n", status, MHD_get_reason_phrase_for(status));
	struct MHD_Response *response =
		MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	header_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	if (header)
		header_add(response, header, value);
	return queue(connection, status, response);
}

static void page_free(void *context)
{
	struct http_page *page = context;

	if (page->connection)
		page->connection->page = NULL;
	page->server->counts.page_bytes -= page->bytes;
	page->share->page_bytes -= page->bytes;
	http_share_put(page->server, page->share);
	http_body_free(page->body);
	free(page);
}

static ssize_t page_read(void *context, uint64_t position, char *piece, size_t capacity)
{
	struct http_page *page = context;
	struct http_server *server = page->server;
	ssize_t count = 0;

	server->progress = true;
	if (!page->body)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (clock_now() < server->until_ns)
		count = http_body_read(page->body, piece, capacity < PIECE ? capacity : PIECE,
				       server->until_ns);
	if (count > 0) {
		page->moved_ns = clock_now();
		page->sent = position + (uint64_t)count;
		return count;
	}
	if (count == HTTP_BODY_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (count < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	http_connection_pause(page->connection);
	return 0;
}

bool http_page_is_vital(const struct http_connection *connection)
{
	const char *const *path = connection->server->config.vital_paths;

	while (path && *path && strcmp(*path, connection->path) != 0)
		path++;
	return path && *path;
}

/* Takes over the text, also on failure. Returns NULL without memory. */
static struct MHD_Response *response_make(struct http_connection *connection, char *text,
					  size_t size, bool gzip)
{
	struct http_page *page;
	struct MHD_Response *response = NULL;

	/* So libmicrohttpd sends head and body in one segment. */
	if (!gzip && size <= PIECE) {
		response = MHD_create_response_from_buffer(size, text ? (void *)text : (void *)"",
							   text ? MHD_RESPMEM_MUST_FREE
								: MHD_RESPMEM_PERSISTENT);
		if (!response)
			free(text);
		return response;
	}
	page = calloc(1, sizeof(*page));
	if (page)
		page->body = http_body_new(text, size, gzip);
	if (page && page->body)
		response = MHD_create_response_from_callback(gzip ? MHD_SIZE_UNKNOWN : size, PIECE,
							     page_read, page, page_free);
	if (!response) {
		if (page && page->body)
			http_body_free(page->body);
		else
			free(text);
		free(page);
		return NULL;
	}
	page->server = connection->server;
	page->connection = connection;
	page->share = http_share_hold(connection->share);
	page->begun_ns = clock_now();
	page->moved_ns = page->begun_ns;
	page->bytes = size + (gzip ? HTTP_GZIP_MEMORY : PIECE);
	connection->page = page;
	connection->share->page_bytes += page->bytes;
	connection->server->counts.page_bytes += page->bytes;
	return response;
}

enum MHD_Result http_page_make(struct http_connection *connection, const char *method)
{
	struct http_server *server = connection->server;
	const struct http_request request = {
		.method = method,
		.path = connection->path,
		.accept = MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND,
						      MHD_HTTP_HEADER_ACCEPT),
	};
	struct http_response page = {0};
	uint64_t begun_ns = clock_now();
	struct MHD_Response *response;
	bool gzip;

	/* A page takes memory until the client has received it. */
	if (!http_page_is_vital(connection) && !http_evict_for_page(connection))
		return http_page_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				       MHD_HTTP_HEADER_RETRY_AFTER, "5");
	server->config.handler(server->config.context, &request, &page);
	server->pages_ns += clock_now() - begun_ns;
	if (!page.status) {
		free(page.body);
		return http_page_error(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL);
	}
	gzip = page.size >= HTTP_GZIP_MIN &&
	       http_gzip_wanted(MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND,
							    MHD_HTTP_HEADER_ACCEPT_ENCODING));
	response = response_make(connection, page.body, page.size, gzip);
	if (!response)
		return http_page_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
	if (page.content_type)
		header_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type);
	if (gzip)
		header_add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	return queue(connection, page.status, response);
}
