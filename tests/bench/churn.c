// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Opens and closes loopback connections as fast as the CPUs allow and prints how many a second, and
 * how many in all.
 *
 *	churn [-t THREADS] [-b] [-r RATE] [-g NAMES] [SECONDS]
 *
 * Each thread plays both ends: connect, accept, with -b a byte each way, close, close. No thread
 * ever waits for another, so the rate measures work and not the scheduler, and one connection is
 * always ten transitions. The client closes first and spreads over 65,000 destinations: TIME_WAIT
 * never uses up the ports. With -r no more than RATE connections a second are opened, by all
 * threads together. With -g the process goes by NAMES names in turn, a hundred a second.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static bool with_bytes;
static double rate; /* of each thread; 0 = none */
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

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Sleeps if the thread is ahead of its rate. */
static void pace(const struct worker *worker, double start)
{
	double ahead = worker->connections / rate - (now() - start);

	if (ahead > 0.001)
		usleep(ahead * 1e6);
}

/* Goes by one name after the other until it is time to stop. */
static void take_names(long names, double seconds)
{
	double end = now() + seconds;
	char name[32];

	for (long i = 0; now() < end; i = (i + 1) % names) {
		snprintf(name, sizeof(name), "churn-%ld", i);
		if (prctl(PR_SET_NAME, name))
			err(1, "name");
		usleep(10000);
	}
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double start = now();

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
		if (rate > 0 && worker->connections % 16 == 0)
			pace(worker, start);
	}
	close(listener);
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t connections = 0;
	struct worker *workers;
	double start, seconds;
	long names = 0;
	int option;

	while ((option = getopt(argc, argv, "t:br:g:")) != -1) {
		if (option == 't')
			threads = atol(optarg);
		else if (option == 'b')
			with_bytes = true;
		else if (option == 'r')
			rate = atof(optarg);
		else if (option == 'g')
			names = atol(optarg);
		else
			return 2;
	}
	seconds = optind < argc ? atof(argv[optind]) : 3;
	if (threads < 1 || threads > 200 || seconds <= 0 || rate < 0 || names < 0)
		errx(2, "usage: churn [-t THREADS] [-b] [-r RATE] [-g NAMES] [SECONDS]");
	rate /= threads;

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
	if (names)
		take_names(names, seconds);
	else
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
