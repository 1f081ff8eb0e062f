// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/connection.h"
#include "http/evict.h"
#include "http/generation.h"
#include "http/share.h"

/* The most connections to accept from one listener in a run; the rest waits in the kernel. */
#define ACCEPTS_MAX 16

/* The most bytes that the kernel buffers for a client that does not read. */
#define SEND_BUFFER (128 * 1024)

#define LISTEN_AGAIN_NS NS_PER_S

/* Hands the connection to libmicrohttpd; if that fails, it is closed and freed. */
static void hand_over(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct sockaddr_in address = {.sin_family = AF_INET};
	size_t *counts = server->generations->shard_connections;
	int fd = connection->fd;

	connection->generation = server->generations;
	for (unsigned int i = 1; i < HTTP_SHARDS; i++) {
		if (counts[i] < counts[connection->shard])
			connection->shard = i;
	}
	counts[connection->shard]++;
	connection->generation->connections++;
	connection->phase = HTTP_READING;
	connection->handshake = server->generations->tls;
	server->adding = connection;
	/* On failure libmicrohttpd closes the socket. It does not use the address. */
	MHD_add_connection(server->generations->daemons[connection->shard], fd,
			   (struct sockaddr *)&address, sizeof(address));
	if (server->adding) {
		server->adding = NULL;
		http_connection_free(connection);
	}
}

static void wait_for_hello(struct http_connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};

	if (epoll_ctl(connection->server->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event))
		http_connection_end(connection);
}

void http_accept_add(struct http_server *server, int fd, const struct sockaddr *address)
{
	struct http_connection *connection = NULL;
	struct http_peer peer;
	int on = 1;
	int buffer = SEND_BUFFER;

	http_peer_of(&peer, address);
	if (http_evict_for_connection(server, &peer))
		connection = calloc(1, sizeof(*connection));
	if (connection)
		connection->share = http_share_get(server, &peer);
	if (!connection || !connection->share) {
		free(connection);
		server->counts.refused++;
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	connection->server = server;
	connection->fd = fd;
	connection->phase = HTTP_HELLO;
	connection->since_ns = clock_now();
	connection->deadline_ns = connection->since_ns + server->limits.header_ns;
	connection->share->connections++;
	server->open++;
	connection->next = server->connections;
	if (connection->next)
		connection->next->prev = connection;
	server->connections = connection;
	server->counts.connections++;
	server->counts.accepted++;
	if (server->generations->tls)
		wait_for_hello(connection);
	else
		hand_over(connection);
}

/* When descriptors have run out, the listeners would be ready all the time. */
static void listen_pause(struct http_server *server, bool pause, uint64_t now_ns)
{
	struct epoll_event event = {.events = pause ? 0 : EPOLLIN};

	server->listen_again_ns = pause ? now_ns + LISTEN_AGAIN_NS : 0;
	for (size_t i = 0; i < server->listener_count; i++)
		epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listeners[i], &event);
}

void http_accept_all(struct http_server *server, uint64_t now_ns)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	} address;

	if (server->listen_again_ns) {
		if (now_ns < server->listen_again_ns)
			return;
		listen_pause(server, false, now_ns);
	}
	for (size_t i = 0; i < server->listener_count; i++) {
		for (int n = 0; n < ACCEPTS_MAX; n++) {
			socklen_t length = sizeof(address);
			int fd = accept4(server->listeners[i], &address.any, &length,
					 SOCK_NONBLOCK | SOCK_CLOEXEC);

			if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
				continue;
			if (fd < 0 && errno != EAGAIN)
				listen_pause(server, true, now_ns);
			if (fd < 0)
				break;
			http_generation_look(server, now_ns);
			http_accept_add(server, fd, &address.any);
		}
	}
}

/* Answers a client that speaks plain HTTP: most likely its URL has http:// for https://. */
static void send_https_hint(int fd)
{
	static const char text[] = "HTTP/1.0 400 Bad Request\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n"
				   "Connection: close\r\n\r\n"
				   "This is an HTTPS server: use https://\n";
	char unread[4096];

	/* With unread data, close() would send a reset, and the text would be lost. */
	if (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool http_accept_hellos(struct http_server *server)
{
	struct http_connection *oldest = NULL;
	bool more = false;

	for (struct http_connection *c = server->connections; c; c = c->next) {
		int ready;

		if (c->phase != HTTP_HELLO)
			continue;
		ready = http_tls_hello(c->fd);
		if (ready < 0) {
			if (ready == -EPROTOTYPE)
				send_https_hint(c->fd);
			c->deadline_ns = HTTP_DEADLINE_NOW;
		} else if (ready) {
			more = oldest != NULL;
			oldest = c;
		}
	}
	if (oldest) {
		epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, oldest->fd, NULL);
		hand_over(oldest);
	}
	return more;
}
