/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * stacks COUNT THREADS: reads a line, then connects to itself and accepts, COUNT times, from each
 * of four places: two connect() in one function, an accept() and an accept4() in another. With
 * THREADS it has idle threads, with which the C library takes another way through its functions.
 * Waits for the end of stdin.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address = {.sin_family = AF_INET};
static int listener;

__attribute__((noinline)) static int reach(int other)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* What is different behind them keeps the compiler from making one of the two. */
	if (other) {
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return -1;
		__asm__ volatile("nop");
	} else {
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return -1;
		__asm__ volatile("nop; nop");
	}
	return fd;
}

__attribute__((noinline)) static int receive(int other)
{
	int fd = other ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : accept(listener, NULL, NULL);

	if (fd < 0)
		return -1;
	return fd;
}

__attribute__((noinline)) static void meet(int other)
{
	int there = reach(other), here = receive(other);

	if (there < 0 || here < 0)
		exit(1);
	close(here);
	close(there);
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

int main(int argc, char **argv)
{
	socklen_t size = sizeof(address);
	pthread_t thread;

	if (argc != 3)
		return 2;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		return 1;
	for (int i = 0; i < atoi(argv[2]); i++)
		pthread_create(&thread, NULL, idle, NULL);
	getchar();
	for (int i = 0; i < atoi(argv[1]); i++) {
		meet(0);
		meet(1);
	}
	while (getchar() != EOF)
		;
	return 0;
}
