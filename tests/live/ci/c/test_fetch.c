// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A test suite as many projects have it: some tests, a server of their own, an exit status. */
#include "fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static const char *says;

/* Gives each client the same answer and closes. */
static void *serve(void *context)
{
	int fd;

	(void)context;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (send(fd, says, strlen(says), MSG_NOSIGNAL) < 0)
			perror("send");
		close(fd);
	}
	return NULL;
}

static unsigned short start_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &length) ||
	    pthread_create(&thread, NULL, serve, NULL))
		exit(99);
	return ntohs(address.sin_port);
}

static int check(int number, const char *name, int good)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", number, name);
	return !good;
}

int main(void)
{
	unsigned short port = start_server();
	char answer[64];
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("1..3");
	says = "hello\n";
	failed += check(1, "an answer is fetched",
			!fetch(port, answer, sizeof(answer)) && !strcmp(answer, says));
	says = "busy\n";
	failed += check(2, "a busy server is an error",
			fetch(port, answer, sizeof(answer)) && errno == EBUSY);
	usleep(300000); /* a test that takes its time */
	failed += check(3, "something slow", 1);
	return failed ? 1 : 0;
}
