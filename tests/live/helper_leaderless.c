/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * leaderless PORT: connects, and ends its first thread; three more live on until stdin ends. The
 * last one prints the descriptor and the cookie.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static int connection;

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* /proc/self/task/TID/fd of an ended thread cannot be read. */
static void await_end_of_leader(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fd/0", getpid());
	while (!access(path, F_OK))
		usleep(1000);
}

static void *last(void *unused)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	char byte;

	(void)unused;
	await_end_of_leader();
	getsockopt(connection, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	printf("%d %llx\n", connection, (unsigned long long)cookie);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	pthread_t thread;

	if (argc < 2)
		return 2;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(connection, (struct sockaddr *)&address, sizeof(address)))
		return 1;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread, NULL, idle, NULL);
	pthread_create(&thread, NULL, last, NULL);
	pthread_exit(NULL);
}
