// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/evict.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/connection.h"
#include "http/share.h"

/* A client that takes less than this on average is slow: it keeps 2 MB for 8 s. */
#define SLOW_BYTES_PER_S (256 * 1024)

/* Whether there is something that the client has not taken. Else it waits for the server, which may
 * have no processor. SIOCOUTQ: tcp(7). */
static bool is_waited_for(const struct http_connection *connection)
{
	int bytes;

	return ioctl(connection->fd, SIOCOUTQ, &bytes) || bytes > 0;
}

/* Whether the client has had enough time for its part, and has not done it. */
static bool page_is_slow(const struct http_connection *connection, uint64_t now_ns)
{
	const struct http_page *page = connection->page;
	uint64_t slow_ns = connection->server->limits.slow_ns;
	uint64_t age_ns = now_ns - page->begun_ns;

	if (age_ns < slow_ns || !is_waited_for(connection))
		return false;
	return now_ns - page->moved_ns >= slow_ns ||
	       page->sent < age_ns / NS_PER_MS * SLOW_BYTES_PER_S / 1000;
}

static bool is_slow(const struct http_connection *connection, uint64_t now_ns)
{
	switch (connection->phase) {
	case HTTP_IDLE:
		return true;
	case HTTP_HELLO:
	case HTTP_READING:
		return now_ns - connection->since_ns >= connection->server->limits.slow_ns;
	default:
		return connection->page && page_is_slow(connection, now_ns);
	}
}

/* Whether a is rather to be ended than b, where their peers have the same. */
static bool is_slower(const struct http_connection *a, const struct http_connection *b)
{
	bool a_idle = a->phase == HTTP_IDLE;
	bool b_idle = b->phase == HTTP_IDLE;

	return a_idle != b_idle ? a_idle : a->since_ns < b->since_ns;
}

/* Finds the connection to end for another one of this peer; `own`: of the peer's own. */
static struct http_connection *connection_find(struct http_server *server,
					       const struct http_share *share, bool own)
{
	unsigned int has = share ? share->connections : 0;
	struct http_connection *found = NULL;
	uint64_t now_ns = clock_now();

	for (struct http_connection *c = server->connections; c; c = c->next) {
		unsigned int others = c->share->connections;

		/* The second has no deadline: it waits for a password to be checked. */
		if (c->phase == HTTP_CLOSING || c->deadline_ns == UINT64_MAX)
			continue;
		if (own ? c->share != share || !is_slow(c, now_ns)
			: others <= has + 1 && !is_slow(c, now_ns))
			continue;
		if (!found || others > found->share->connections ||
		    (others == found->share->connections && is_slower(c, found)))
			found = c;
	}
	return found;
}

bool http_evict_for_connection(struct http_server *server, const struct http_peer *peer)
{
	const struct http_share *share = http_share_find(server, peer);
	struct http_connection *found;

	if (share && share->connections >= server->limits.peer_connections) {
		found = connection_find(server, share, true);
		if (!found)
			return false;
		http_connection_end(found);
		/* It may have been the last one, and not yet with libmicrohttpd. */
		share = http_share_find(server, peer);
	}
	if (server->open >= server->limits.connections) {
		found = connection_find(server, share, false);
		if (!found)
			return false;
		http_connection_end(found);
	}
	/* Connections that are closing still have a descriptor. */
	return server->counts.connections < 2 * (size_t)server->limits.connections;
}

/* How readily a page is given up for another one of `share`. */
enum page_rank {
	PAGE_STAYS,
	PAGE_RESTS,  /* none of it was taken for a moment; the longest goes first */
	PAGE_GREEDY, /* its peer has more than the other one without it */
	PAGE_SLOW,
};

static enum page_rank page_rank(const struct http_connection *connection,
				const struct http_share *share, bool own, uint64_t now_ns)
{
	const struct http_page *page = connection->page;

	if (page_is_slow(connection, now_ns))
		return PAGE_SLOW;
	if (own)
		return PAGE_STAYS;
	if (connection->share->page_bytes - page->bytes > share->page_bytes)
		return PAGE_GREEDY;
	if (now_ns - page->moved_ns >= connection->server->limits.slow_ns / 50 &&
	    is_waited_for(connection))
		return PAGE_RESTS;
	return PAGE_STAYS;
}

/* Whether a is rather to be given up than b, where both have the same rank. */
static bool page_is_worse(const struct http_connection *a, const struct http_connection *b,
			  enum page_rank rank)
{
	if (rank != PAGE_RESTS && a->share != b->share)
		return a->share->page_bytes > b->share->page_bytes;
	return a->page->moved_ns < b->page->moved_ns;
}

/* Finds the page to give up for another one of this peer; `own`: of the peer's own. */
static struct http_connection *page_find(struct http_server *server, const struct http_share *share,
					 bool own)
{
	struct http_connection *found = NULL;
	enum page_rank worst = PAGE_STAYS;
	uint64_t now_ns = clock_now();

	for (struct http_connection *c = server->connections; c; c = c->next) {
		enum page_rank rank;

		if (c->phase == HTTP_CLOSING || !c->page || !c->page->bytes ||
		    (own && c->share != share))
			continue;
		rank = page_rank(c, share, own, now_ns);
		if (rank > worst || (found && rank == worst && page_is_worse(c, found, rank))) {
			found = c;
			worst = rank;
		}
	}
	return found;
}

static bool page_evict(struct http_server *server, const struct http_share *share, bool own)
{
	struct http_connection *found = page_find(server, share, own);

	if (!found)
		return false;
	http_connection_drop_page(found);
	http_connection_end(found);
	return true;
}

bool http_evict_for_page(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	const struct http_share *share = connection->share;

	while (share->page_bytes >= server->limits.page_bytes / 2) {
		if (!page_evict(server, share, true))
			return false;
	}
	while (server->counts.page_bytes >= server->limits.page_bytes) {
		if (!page_evict(server, share, false))
			return false;
	}
	return true;
}
