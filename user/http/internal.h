/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_INTERNAL_H
#define TCPWATCH_HTTP_INTERNAL_H

/* What the rooms of the web server share; for nobody else. */
#include <microhttpd.h>
#include <stdint.h>

#include "http/auth.h"
#include "http/server.h"
#include "http/tls.h"
#include "http/config.h"

#define HTTP_LISTEN_MAX 64
#define HTTP_PATH_LEN	512

/* What becomes of a connection, in this order; from IDLE back to READING. */
enum http_phase {
	HTTP_HELLO,	/* TLS: not yet given to libmicrohttpd */
	HTTP_READING,	/* request line and headers */
	HTTP_ANSWERING, /* the handler was asked, or will be */
	HTTP_IDLE,	/* kept open, for the next request */
	HTTP_CLOSING,	/* shut down; libmicrohttpd will notice */
};

/*
 * MHD_run() does all that is ready: with 250 clients that send their headers at once, more than 10
 * ms. Several daemons with a part of them each can be run one by one.
 */
#define HTTP_SHARDS 4

/* Daemons of libmicrohttpd, for connections with the same TLS material. */
struct http_generation {
	struct http_generation *next; /* older */
	struct MHD_Daemon *daemons[HTTP_SHARDS];
	size_t shard_connections[HTTP_SHARDS];
	struct http_tls *tls; /* NULL = plain */
	size_t connections;
};

struct http_connection {
	struct http_connection *prev, *next;
	struct http_server *server;
	struct http_generation *generation; /* NULL in HTTP_HELLO */
	unsigned int shard;
	struct MHD_Connection *mhd;
	int fd;
	struct http_peer peer;
	enum http_phase phase;
	uint64_t deadline_ns;	/* UINT64_MAX = none */
	struct http_page *page; /* on its way out; NULL = none */

	bool handshake; /* TLS: it is not through yet */
	bool asked;	/* the handler function of libmicrohttpd was called for this request */
	bool suspended; /* libmicrohttpd leaves it alone */
	struct http_connection *paused_next; /* waits for the next run */
	enum http_auth_verdict auth;
	bool auth_known;
	char path[HTTP_PATH_LEN]; /* "" = too long */
};

struct http_server {
	struct http_config config;
	struct http_limits limits;
	int epoll_fd;
	int timer_fd;
	int listeners[HTTP_LISTEN_MAX];
	size_t listener_count;
	char (*addresses)[HTTP_ADDRESS_TEXT_LEN];
	uint64_t listen_again_ns; /* no descriptors were left; 0 = listening */

	struct http_generation *generations; /* the newest takes connections */
	struct web_config *web;		     /* NULL = none */
	struct http_watch *watch;	     /* of the web config's files */
	uint64_t look_again_ns;		     /* at them */
	struct http_auth *auth;

	struct http_connection *connections; /* newest first */
	struct http_connection *adding;	     /* being given to libmicrohttpd */
	struct http_connection *paused;	     /* FIFO */
	struct http_connection **paused_tail;
	uint64_t until_ns;	 /* of this run */
	bool progress;		 /* in this run, with a request */
	unsigned int next_shard; /* to be run first */
	struct http_counts counts;
};

/* http/connection.c: who comes in. */

/* Accepts what waits at the listeners, within limits. */
void http_door_accept(struct http_server *server, uint64_t now_ns);

/* Takes over a connected, non-blocking socket, closed if a limit is reached. */
void http_door_add(struct http_server *server, int fd, const struct sockaddr *address);

/* Gives connections with a complete ClientHello to libmicrohttpd, one in a run. Returns whether
 * there are more. */
bool http_door_hellos(struct http_server *server);

/* Is a handshake under way? */
bool http_door_handshakes(struct http_server *server);

/* Ends connections that missed their deadline. Returns the next deadline, UINT64_MAX if none. */
uint64_t http_door_deadlines(struct http_server *server, uint64_t now_ns);

/* Lets a connection end soon. */
void http_door_end(struct http_connection *connection);

void http_connection_free(struct http_connection *connection);

/* http/generation.c */

void http_generation_free_all(struct http_server *server);

/* Reads the web config, and makes what it asks for the newest generation. */
int http_generation_load(struct http_server *server, char error[HTTP_ERROR_LEN]);

/* Loads it if its files have changed; looks once a second at most. */
void http_generation_look(struct http_server *server, uint64_t now_ns);

/* Runs daemons, one shard at least. Returns whether there are more to run. */
bool http_generation_run(struct http_server *server);

/* Has libmicrohttpd something left, of which its epoll says nothing any more? */
bool http_generation_busy(const struct http_server *server);

/* Lets go of generations that nobody uses any more. */
void http_generation_reap(struct http_server *server);

/* http/request.c: libmicrohttpd's calls. */
enum MHD_Result http_request_handle(void *context, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *upload,
				    size_t *upload_size, void **request);
void *http_request_begun(void *context, const char *uri, struct MHD_Connection *mhd);
void http_request_ended(void *context, struct MHD_Connection *mhd, void **request,
			enum MHD_RequestTerminationCode why);

/* The thread is through with the passwords of these requests: they go on. */
void http_request_authenticated(struct http_server *server);

/* Lets connections go on that waited for this run, a few. */
void http_request_resume(struct http_server *server);

/* Does so with all, for the end. */
void http_request_resume_all(struct http_server *server);

/* http/page.c: answers. */

/* Queues a short text. `header` and its value may be NULL. */
enum MHD_Result http_page_error(struct http_connection *connection, unsigned int status,
				const char *header, const char *value);

/* Asks the handler and queues what it made. */
enum MHD_Result http_page_make(struct http_connection *connection, const char *method);

/* The connection of the page, NULL = none, is about to go. */
void http_page_orphan(struct http_page *page);

/* Waits for the next run. */
void http_request_pause(struct http_connection *connection);

#endif
