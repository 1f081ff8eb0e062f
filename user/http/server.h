/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_SERVER_H
#define TCPWATCH_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/error.h"

/*
 * A web server for a few pages, as one source of an epoll loop: it does its work in short calls of
 * http_server_run(), and never waits. It knows nothing of what the pages show.
 */

/* A request, as received but for the query, which is cut off. Valid during the call only. */
struct http_request {
	const char *method; /* "GET" or "HEAD" */
	const char *path;   /* begins with '/'; not unescaped */
	const char *accept; /* the Accept header; NULL = not sent */
};

/* A page. Zeroed before the handler fills it in; a status of 0 means that it could not. */
struct http_response {
	unsigned int status;	  /* 200, 404, 503, ... */
	const char *content_type; /* must stay valid as long as the server */
	char *body;		  /* malloc()ed; passes to the server. For HEAD too */
	size_t size;		  /* of the body, in bytes */
};

/* Makes a page. All the time it takes, the loop is held up. */
typedef void (*http_handler)(void *context, const struct http_request *request,
			     struct http_response *response);

/* Told what happens while serving, such as a web config that is wrong: one line for a log. */
typedef void (*http_reporter)(void *context, const char *message);

/* 0 stands for the default. */
struct http_limits {
	unsigned int connections;      /* in all; 256 */
	unsigned int peer_connections; /* of one IPv4 address or IPv6 /64; 64 */
	size_t header_bytes;	       /* request line and headers; 16 KB */
	size_t page_bytes;    /* pages on their way out, all together; 16 MB. One peer: half */
	uint64_t header_ns;   /* from the connection to the end of the headers; 10 s */
	uint64_t response_ns; /* to take the page; 30 s */
	uint64_t idle_ns;     /* between requests; 120 s */
	uint64_t run_ns;      /* after this, a run begins nothing new; 2 ms */
};

struct http_config {
	const char *const *listen; /* "[HOST]:PORT", as on the command line */
	size_t listen_count;
	bool systemd_socket;	/* take what systemd passes, too */
	const char *web_config; /* a path; NULL = no TLS, no passwords */
	struct http_limits limits;
	http_handler handler;
	http_reporter report; /* may be NULL */
	void *context;	      /* for both */
};

struct http_server;

/*
 * Reads the web config and listens. The strings of `config` must outlive the server. Returns 0,
 * or a negative errno with a message: -EINVAL where an option's value or the web config is wrong
 * (exit status 2), others where the host does not let it (address in use, no such file). May ask
 * DNS. A thread for passwords is started with the first that comes.
 */
int http_server_new(struct http_server **server, const struct http_config *config,
		    char error[HTTP_ERROR_LEN]);

/* Closes everything at once. May wait for a password that is being looked at. */
void http_server_free(struct http_server *server);

/* Readable when http_server_run() has something to do, deadlines included. */
int http_server_epoll_fd(const struct http_server *server);

/* Does what is ready, for about limits.run_ns at most; what is left makes the fd readable again. */
void http_server_run(struct http_server *server);

/*
 * Reads the web config again, as SIGHUP asks for. Returns 0, or a negative errno with a message;
 * then the old one stays. Connections that exist finish their request. Without a web config: 0.
 * When a file of it changes, this happens by itself with the next connection.
 */
int http_server_reload(struct http_server *server, char error[HTTP_ERROR_LEN]);

/* Where it listens, from 0: "127.0.0.1:10433", "[::]:10433". NULL behind the last. */
const char *http_server_address(const struct http_server *server, size_t index);

/* Do clients have to speak TLS? For messages: "listening on https://...". */
bool http_server_is_tls(const struct http_server *server);

struct http_counts {
	uint64_t accepted;    /* connections */
	uint64_t refused;     /* connections over a limit */
	uint64_t timed_out;   /* connections that missed a deadline */
	uint64_t requests;    /* answered, in any way */
	uint64_t auth_failed; /* answered with 401 */
	uint64_t reloads;     /* of the web config that worked */
	size_t connections;   /* now */
	size_t page_bytes;    /* on their way out now */
};

void http_server_counts(const struct http_server *server, struct http_counts *counts);

#endif
