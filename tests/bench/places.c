// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * What system calls take, seen from a program whose stack is DEPTH frames deep.
 *
 *	places DEPTH SECONDS
 *
 * Connects to itself, accepts, and closes both, again and again, with getppid() in between, and
 * prints how many connections there were, and the median of connect(), of accept4() and the mean of
 * getppid() in ns.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#define SAMPLES 1000000
#define CALLS	2000 /* of getppid() for each sample of it */

static struct sockaddr_in address = {.sin_family = AF_INET};
static int listener;
static double seconds;
static uint32_t connects[SAMPLES], accepts[SAMPLES];

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint64_t call_ns(void)
{
	uint64_t start = now_ns();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return now_ns() - start;
}

/* Spreads over many destinations: TIME_WAIT never uses up the ports. */
static void meet(size_t i)
{
	uint64_t start = now_ns(), connected;
	int there, here;

	address.sin_addr.s_addr = htonl(0x7f000001 + (uint32_t)(i % 65000));
	there = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	start = now_ns();
	if (there < 0 || connect(there, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	connected = now_ns();
	here = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (here < 0)
		err(1, "accept4");
	accepts[i] = (uint32_t)(now_ns() - connected);
	connects[i] = (uint32_t)(connected - start);
	close(there);
	close(here);
}

static void run(void)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9), calls = 0, called = 0;
	size_t count = 0;

	while (count < SAMPLES && now_ns() < end) {
		meet(count++);
		if (count % 64)
			continue;
		called += call_ns();
		calls += CALLS;
	}
	qsort(connects, count, sizeof(*connects), compare);
	qsort(accepts, count, sizeof(*accepts), compare);
	if (!calls)
		errx(1, "no time");
	printf("%zu %u %u %.2f\n", count, connects[count / 2], accepts[count / 2],
	       (double)called / (double)calls);
}

__attribute__((noinline)) static void descend(int depth)
{
	if (depth > 0)
		descend(depth - 1);
	else
		run();
	__asm__ volatile(""); /* not the last thing it does: keeps the frame */
}

int main(int argc, char **argv)
{
	socklen_t size = sizeof(address);

	if (argc != 3 || (seconds = atof(argv[2])) <= 0)
		errx(2, "usage: places DEPTH SECONDS");
	enter_own_netns();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) ||
	    listen(listener, 64) || getsockname(listener, (struct sockaddr *)&address, &size))
		err(1, "listen");
	descend(atoi(argv[1]));
	return 0;
}
