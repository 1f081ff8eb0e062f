// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A small threaded HTTP server on loopback with three bugs of the kind that fill hosts with
 *CLOSE_WAIT. Most requests are served and closed as they should be. Prints its two ports and serves
 *until killed.
 *
 *	GET /		right
 *	GET /cached	never closed: the handler leaves by the wrong way
 *	GET /report	never read again: the thread hangs on a lock that nobody releases
 *	the admin port	listens, but nobody ever calls accept()
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

static void *connection_serve(void *arg)
{
	int fd = (intptr_t)arg;
	bool cached = false;
	char request[1024];
	ssize_t len;

	while ((len = read(fd, request, sizeof(request) - 1)) > 0) {
		request[len] = '\0';
		if (!strncmp(request, "GET /report", 11))
			pthread_mutex_lock(&report_lock); /* the bug: main never lets go of it */
		if (!strncmp(request, "GET /cached", 11))
			cached = true;
		if (write(fd, answer, strlen(answer)) < 0)
			break;
	}
	if (cached)
		return NULL; /* the bug: "the cache owns the connection", but it does not */
	close(fd);
	return NULL;
}

static int listen_on_loopback(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		err(1, "listen");
	*port = ntohs(address.sin_port);
	return fd;
}

int main(void)
{
	uint16_t port, admin_port;
	int listener = listen_on_loopback(&port);

	listen_on_loopback(&admin_port); /* the bug: for later */
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_lock(&report_lock);
	printf("%u %u\n", port, admin_port);
	fflush(stdout);

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			err(1, "accept");
		if (pthread_create(&thread, NULL, connection_serve, (void *)(intptr_t)fd))
			errx(1, "pthread_create");
		pthread_detach(thread);
	}
}
