// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Opens and closes loopback connections as fast as the CPUs allow and prints how many a second, and
 * how many in all.
 *
 *	churn [-t THREADS] [-b] [SECONDS]
 *
 * Each thread plays both ends: connect, accept, with -b a byte each way, close, close. No thread
 *ever waits for another, so the rate measures work and not the scheduler, and one connection is
 *always ten transitions. The client closes first and spreads over 65,000 destinations: TIME_WAIT
 *never uses up the ports.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static bool with_bytes;
static atomic_bool stop;

struct worker {
	pthread_t thread;
	uint32_t network; /* 127.NETWORK.x.y */
	uint64_t connections;
};

static void pass_byte(int from, int to)
{
	char byte = 'x';

	if (write(from, &byte, 1) != 1 || read(to, &byte, 1) != 1)
		err(1, "byte");
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 128) || getsockname(listener, (struct sockaddr *)&address, &len))
		err(1, "listen");

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint32_t host = worker->connections % 65000 + 1;
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int server;

		address.sin_addr.s_addr = htonl(127u << 24 | worker->network << 16 | host);
		if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)))
			err(1, "connect");
		server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (server < 0)
			err(1, "accept");
		if (with_bytes) {
			pass_byte(client, server);
			pass_byte(server, client);
		}
		close(client);
		close(server);
		worker->connections++;
	}
	close(listener);
	return NULL;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t connections = 0;
	struct worker *workers;
	double start, seconds;
	int option;

	while ((option = getopt(argc, argv, "t:b")) != -1) {
		if (option == 't')
			threads = atol(optarg);
		else if (option == 'b')
			with_bytes = true;
		else
			return 2;
	}
	seconds = optind < argc ? atof(argv[optind]) : 3;
	if (threads < 1 || threads > 200 || seconds <= 0)
		errx(2, "usage: churn [-t THREADS] [-b] [SECONDS]");

	enter_own_netns();
	workers = calloc(threads, sizeof(*workers));
	if (!workers)
		err(1, "calloc");
	start = now();
	for (long i = 0; i < threads; i++) {
		workers[i].network = i + 1;
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			errx(1, "pthread_create");
	}
	usleep(seconds * 1e6);
	atomic_store(&stop, true);
	for (long i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		connections += workers[i].connections;
	}
	printf("%.0f %ju\n", connections / (now() - start), (uintmax_t)connections);
	free(workers);
	return 0;
}
