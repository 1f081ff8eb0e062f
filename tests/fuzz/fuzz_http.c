// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as the input of a client. The first byte decides in how many pieces it sends them, and
 * whether it reads and half-closes. The answer must be HTTP, and nothing may be left allocated.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/accept.h"
#include "http/connection.h"
#include "http/server.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define RUNS_MAX 2000
#define PAGE_MAX 100000

static struct http_server *server;

static void handle(void *context, const struct http_request *request,
		   struct http_response *response)
{
	size_t length = strlen(request->path);

	(void)context;
	CHECK(length && length < HTTP_PATH_LEN && !strchr(request->path, '?'));
	CHECK(!strcmp(request->method, "GET") || !strcmp(request->method, "HEAD"));
	if (request->path[1] == 'f')
		return;
	response->status = request->path[1] ? 404 : 200;
	response->content_type = "text/plain";
	response->size = request->path[1] == 'b' ? PAGE_MAX : length;
	response->body = malloc(response->size);
	if (response->body)
		memset(response->body, 'x', response->size);
	else
		response->size = 0;
}

static void server_start(void)
{
	struct http_config config = {.handler = handle};
	char error[HTTP_ERROR_LEN];

	CHECK(!http_server_new(&server, &config, error));
}

/* Runs the server as long as it has something to do. Returns the answer, at most `size` bytes of
 * it. */
static size_t run(int fd, char *text, size_t size, bool reads)
{
	struct epoll_event event;
	char rest[4096];
	size_t length = 0;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	event = (struct epoll_event){.events = EPOLLIN};
	CHECK(!epoll_ctl(epoll_fd, EPOLL_CTL_ADD, http_server_epoll_fd(server), &event));
	for (int i = 0;; i++) {
		ssize_t count = 0;

		/* The server must become idle. */
		CHECK(i < RUNS_MAX);
		if (epoll_wait(epoll_fd, &event, 1, 0) == 1)
			http_server_run(server);
		else if (!reads)
			break;
		if (reads) {
			bool room = length < size;

			count = recv(fd, room ? text + length : rest,
				     room ? size - length : sizeof(rest), MSG_DONTWAIT);
			if (count > 0 && room)
				length += (size_t)count;
			if (count <= 0 && epoll_wait(epoll_fd, &event, 1, 0) == 0)
				break;
		}
	}
	close(epoll_fd);
	return length;
}

static void check_text(const char *text, size_t length)
{
	static const char *const statuses[] = {"200", "400", "401", "404", "405", "411", "413",
					       "414", "431", "500", "501", "503", "505", "100"};

	if (!length)
		return;
	CHECK(length > 12 && (!memcmp(text, "HTTP/1.1 ", 9) || !memcmp(text, "HTTP/1.0 ", 9)));
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (!memcmp(text + 9, statuses[i], 3))
			return;
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[65536];
	struct sockaddr_in address = {.sin_family = AF_INET};
	size_t pieces, piece, length = 0;
	int fds[2];

	if (!server)
		server_start();
	if (!size || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return 0;
	pieces = (data[0] & 7) + 1;
	http_accept_add(server, fds[0], (struct sockaddr *)&address);
	piece = (size - 1) / pieces + 1;
	for (size_t at = 1; at < size; at += piece) {
		(void)!send(fds[1], data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL);
		length += run(fds[1], text + length, sizeof(text) - length, data[0] & 8);
	}
	if (data[0] & 16)
		shutdown(fds[1], SHUT_WR);
	length += run(fds[1], text + length, sizeof(text) - length, true);
	check_text(text, length);
	close(fds[1]);
	/* libmicrohttpd misses an end that came together with bytes. The deadline ends those. */
	for (struct http_connection *c = server->connections; c; c = c->next)
		http_connection_end(c);
	run(-1, NULL, 0, false);
	CHECK(!server->counts.connections && !server->counts.page_bytes);
	return 0;
}
