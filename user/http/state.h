/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_STATE_H
#define TCPWATCH_HTTP_STATE_H

/* The data of the web server, below all modules that work on it. Private to http/. */
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/address.h"
#include "http/auth.h"
#include "http/config.h"
#include "http/gzip.h"
#include "http/tls.h"
#include "http/types.h"

#define HTTP_LISTEN_MAX 64
#define HTTP_PATH_LEN	512

/* The phases of a connection, in this order; HTTP_IDLE goes back to HTTP_READING. */
enum http_phase {
	HTTP_HELLO,	/* TLS: not yet handed to libmicrohttpd */
	HTTP_READING,	/* request line and headers */
	HTTP_ANSWERING, /* the headers are complete */
	HTTP_IDLE,	/* kept open for the next request */
	HTTP_CLOSING,	/* shut down; libmicrohttpd will notice */
};

/*
 * MHD_run() does all that is ready: with 250 clients that send their headers at once, this takes
 * more than 10 ms. Several daemons, each with a part of the connections, can be run one by one.
 */
#define HTTP_SHARDS 4

/* The daemons of libmicrohttpd for all connections with the same TLS material. */
struct http_generation {
	struct http_generation *next; /* older */
	struct MHD_Daemon *daemons[HTTP_SHARDS];
	size_t shard_connections[HTTP_SHARDS];
	struct http_tls *tls; /* NULL: plain HTTP */
	size_t connections;
};

/* What the connections of one peer have together. */
struct http_share {
	struct http_share *next;
	struct http_peer peer;
	unsigned int references;
	unsigned int connections; /* without those that are closing */
	size_t page_bytes;
};

/* A page that is being sent. */
struct http_page {
	struct http_server *server;
	struct http_connection *connection; /* NULL: it is gone */
	struct http_share *share;
	struct http_body *body; /* NULL: it was given up */
	size_t bytes;		/* that count against limits.page_bytes */
	uint64_t begun_ns;	/* CLOCK_MONOTONIC */
	uint64_t moved_ns;	/* when libmicrohttpd took the last piece */
	uint64_t sent;		/* bytes that libmicrohttpd took */
};

struct http_connection {
	struct http_connection *prev, *next;
	struct http_server *server;
	struct http_generation *generation; /* NULL in HTTP_HELLO */
	unsigned int shard;
	struct MHD_Connection *mhd;
	int fd;
	struct http_share *share; /* of its peer */
	enum http_phase phase;
	uint64_t since_ns;	/* when the phase began */
	uint64_t deadline_ns;	/* CLOCK_MONOTONIC; UINT64_MAX: none */
	struct http_page *page; /* that is being sent; NULL: none */

	bool handshake; /* TLS: the handshake is not complete */
	bool asked;	/* libmicrohttpd has called the handler function for this request */
	bool suspended; /* libmicrohttpd does not touch it */
	struct http_connection *paused_next; /* waits for the next run */
	enum http_auth_verdict auth;
	bool auth_known;
	char path[HTTP_PATH_LEN]; /* "": too long */
};

struct http_server {
	struct http_config config;
	struct http_limits limits;
	int epoll_fd;
	int timer_fd;
	int listeners[HTTP_LISTEN_MAX];
	size_t listener_count;
	char (*addresses)[HTTP_ADDRESS_TEXT_LEN];
	uint64_t listen_again_ns; /* when to accept again after descriptors ran out; 0: accepting */

	struct http_generation *generations; /* newest first; the newest takes connections */
	struct web_config *web;		     /* NULL: none */
	struct http_watch *watch;	     /* of the web config's files */
	uint64_t look_again_ns;		     /* when to look at these files again */
	struct http_auth *auth;

	struct http_connection *connections; /* newest first */
	size_t open;			     /* of them, without those that are closing */
	struct http_share *shares;
	struct http_connection *adding; /* being handed to libmicrohttpd */
	struct http_connection *paused; /* FIFO */
	struct http_connection **paused_tail;
	uint64_t until_ns;	 /* when this run begins nothing new */
	uint64_t pages_ns;	 /* how long the handler took in this run */
	bool progress;		 /* a request made progress in this run */
	unsigned int next_shard; /* to be run first */
	struct http_counts counts;
};

#endif
