/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_TYPES_H
#define TCPWATCH_HTTP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the web server and the program that it serves exchange. */

/* A request. Valid during the call of the handler only. */
struct http_request {
	const char *method; /* "GET" or "HEAD" */
	const char *path;   /* begins with '/'; not unescaped, and without the query */
	const char *accept; /* the Accept header; NULL: the client sent none */
};

/* A page. It is zeroed before the handler fills it in; a status of 0 means that it failed. */
struct http_response {
	unsigned int status;	  /* 200, 404, 503, ... */
	const char *content_type; /* must stay valid as long as the server */
	char *body;		  /* from malloc(), also for HEAD; the server frees it */
	size_t size;		  /* of the body, in bytes */
};

/* Makes a page. The event loop stands still while it runs. */
typedef void (*http_handler)(void *context, const struct http_request *request,
			     struct http_response *response);

/* Receives one line for the log, for example that a changed web config is wrong. */
typedef void (*http_reporter)(void *context, const char *message);

/* A limit of 0 stands for its default, which the comment gives. */
struct http_limits {
	unsigned int connections;      /* in all; 256 */
	unsigned int peer_connections; /* from one IPv4 address or IPv6 /64; 64 */
	size_t header_bytes;	       /* of request line and headers; 16 KB */
	size_t page_bytes;    /* of all pages that are being sent; one peer gets half; 16 MB */
	uint64_t header_ns;   /* from the connection to the end of the headers; 10 s */
	uint64_t response_ns; /* for the client to take the page; 30 s */
	uint64_t idle_ns;     /* between requests; 120 s */
	uint64_t slow_ns;     /* in which a client that is not slow does its part; 1 s */
	uint64_t run_ns;      /* after this long, a run begins nothing new; 2 ms */
};

struct http_config {
	const char *const *listen; /* "[HOST]:PORT", as on the command line */
	size_t listen_count;
	bool systemd_socket;	/* also take the sockets that systemd passes */
	const char *web_config; /* a path; NULL: no TLS, no passwords */
	struct http_limits limits;
	http_handler handler;
	http_reporter report; /* may be NULL */
	void *context;	      /* for both */

	/* Small pages, quickly made, that are served whatever the pages of others take; ends with
	 * NULL. May be NULL. */
	const char *const *vital_paths;
};

struct http_counts {
	uint64_t accepted;    /* connections */
	uint64_t refused;     /* connections over a limit */
	uint64_t timed_out;   /* connections that missed a deadline */
	uint64_t requests;    /* that were answered, with any status */
	uint64_t auth_failed; /* requests that were answered with 401 */
	uint64_t reloads;     /* of the web config that succeeded */
	size_t connections;   /* now */
	size_t page_bytes;    /* that are being sent now */
};

#endif
