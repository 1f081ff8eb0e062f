// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/connection.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/share.h"

/* How many of the connections that wait for a run are resumed in one. */
#define RESUME_MAX 8

/* Takes it out of what the limits count. */
static void leave(struct http_connection *connection)
{
	if (connection->phase == HTTP_CLOSING)
		return;
	connection->phase = HTTP_CLOSING;
	connection->share->connections--;
	connection->server->open--;
}

void http_connection_free(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	if (connection->prev)
		connection->prev->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	server->counts.connections--;
	leave(connection);
	http_share_put(server, connection->share);
	if (connection->generation) {
		connection->generation->connections--;
		connection->generation->shard_connections[connection->shard]--;
	}
	if (connection->page)
		connection->page->connection = NULL;
	free(connection);
}

void http_connection_end(struct http_connection *connection)
{
	if (connection->phase == HTTP_HELLO) {
		close(connection->fd);
		http_connection_free(connection);
		return;
	}
	shutdown(connection->fd, SHUT_RDWR);
	leave(connection);
	connection->deadline_ns = UINT64_MAX;
}

void http_connection_drop_page(struct http_connection *connection)
{
	struct http_page *page = connection->page;

	http_body_free(page->body);
	page->body = NULL;
	page->server->counts.page_bytes -= page->bytes;
	page->share->page_bytes -= page->bytes;
	page->bytes = 0;
}

void http_connection_suspend(struct http_connection *connection)
{
	connection->suspended = true;
	MHD_suspend_connection(connection->mhd);
}

void http_connection_resume(struct http_connection *connection)
{
	connection->suspended = false;
	MHD_resume_connection(connection->mhd);
}

void http_connection_pause(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	connection->paused_next = NULL;
	*server->paused_tail = connection;
	server->paused_tail = &connection->paused_next;
	http_connection_suspend(connection);
}

void http_connections_resume_paused(struct http_server *server)
{
	for (int i = 0; i < RESUME_MAX && server->paused; i++) {
		struct http_connection *connection = server->paused;

		server->paused = connection->paused_next;
		if (!server->paused)
			server->paused_tail = &server->paused;
		http_connection_resume(connection);
	}
}

void http_connections_resume_all(struct http_server *server)
{
	server->paused = NULL;
	server->paused_tail = &server->paused;
	for (struct http_connection *c = server->connections; c; c = c->next) {
		if (c->suspended)
			http_connection_resume(c);
	}
}

bool http_connections_handshaking(struct http_server *server)
{
	bool found = false;

	for (struct http_connection *c = server->connections; c; c = c->next) {
		const union MHD_ConnectionInfo *info;

		if (!c->handshake || !c->mhd)
			continue;
		info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		/* Finished is the client's last message in TLS 1.2 and in 1.3. */
		c->handshake = info && gnutls_handshake_get_last_in(info->tls_session) !=
					       GNUTLS_HANDSHAKE_FINISHED;
		found |= c->handshake;
	}
	return found;
}

uint64_t http_connections_expire(struct http_server *server, uint64_t now_ns)
{
	uint64_t first_ns = server->listen_again_ns ? server->listen_again_ns : UINT64_MAX;
	struct http_connection *next;

	for (struct http_connection *c = server->connections; c; c = next) {
		next = c->next;
		if (c->deadline_ns <= now_ns) {
			server->counts.timed_out +=
				c->phase != HTTP_IDLE && c->deadline_ns != HTTP_DEADLINE_NOW;
			http_connection_end(c);
		} else if (c->deadline_ns < first_ns) {
			first_ns = c->deadline_ns;
		}
	}
	return first_ns;
}
