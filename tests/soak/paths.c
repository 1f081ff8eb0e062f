/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * paths DIFFERENT PER_SECOND: connects to itself by DIFFERENT ways through its own functions, one
 * after the other and again, so many times a second. Each socket is a leak for a while.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	16
#define HELD_NS 1500000000LL
#define RING	4096

static struct sockaddr_in address = {.sin_family = AF_INET};

static int way(unsigned int number, int depth);

__attribute__((noinline)) static int reach(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		exit(1);
	__asm__ volatile("nop");
	return fd;
}

__attribute__((noinline)) static int left(unsigned int number, int depth)
{
	int fd = way(number, depth);

	__asm__ volatile("nop");
	return fd;
}

__attribute__((noinline)) static int right(unsigned int number, int depth)
{
	int fd = way(number, depth);

	__asm__ volatile("nop; nop");
	return fd;
}

static int way(unsigned int number, int depth)
{
	if (!depth)
		return reach();
	return number & 1 ? right(number >> 1, depth - 1) : left(number >> 1, depth - 1);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	static int fds[RING];
	static long long times[RING];
	unsigned int different, pause_us, first = 0, next = 0;
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (argc != 3 || atoi(argv[2]) <= 0)
		return 2;
	different = (unsigned int)atoi(argv[1]);
	pause_us = 1000000 / (unsigned int)atoi(argv[2]);
	prctl(PR_SET_NAME, "soak-paths");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 128) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		return 1;
	for (unsigned int number = 0;; number = (number + 1) % different) {
		while (first != next &&
		       (next - first == RING || now_ns() - times[first % RING] > HELD_NS))
			close(fds[first++ % RING]);
		times[next % RING] = now_ns();
		fds[next++ % RING] = way(number, DEPTH);
		close(accept(listener, NULL, NULL));
		usleep(pause_us);
	}
}
