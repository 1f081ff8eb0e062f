// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Opens loopback connections and holds them until its standard input ends.
 *
 *	hold [-l] [-g NAMES] N
 *
 * Both ends are held: 2 N sockets. With -l the client ends are closed and the ends of stream read:
 * N sockets in CLOSE_WAIT that nothing will ever close. One process holds them all if the limit on
 * descriptors allows or may be raised, else as many processes as it takes; with -g at least NAMES
 * of them, called hold-0, hold-1 and so on. Prints `ready N PROCESSES` when all are there.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SPARE_FDS 64

/* How many descriptors one process may have, up to what is wanted. */
static long descriptors_available(long wanted)
{
	struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};

	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		if (getrlimit(RLIMIT_NOFILE, &limit))
			err(1, "getrlimit");
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			err(1, "setrlimit");
	}
	return limit.rlim_cur;
}

static void open_connections(long count, bool leak)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 128) || getsockname(listener, (struct sockaddr *)&address, &len))
		err(1, "listen");
	for (long i = 0; i < count; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);
		int server;

		address.sin_addr.s_addr = htonl(127u << 24 | (i % 65000 + 1));
		if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)))
			err(1, "connection %ld", i);
		server = accept(listener, NULL, NULL);
		if (server < 0)
			err(1, "accept %ld", i);
		if (!leak)
			continue;
		close(client);
		if (read(server, &byte, 1))
			err(1, "end of stream %ld", i);
	}
}

static void take_name(long number)
{
	char name[32];

	snprintf(name, sizeof(name), "hold-%ld", number);
	if (prctl(PR_SET_NAME, name))
		err(1, "name");
}

int main(int argc, char **argv)
{
	bool leak = false;
	long count, names = 0;
	int per_connection, option;
	long share, processes;
	int ready[2];
	char byte;

	while ((option = getopt(argc, argv, "lg:")) != -1) {
		if (option == 'l')
			leak = true;
		else if (option == 'g')
			names = atol(optarg);
		else
			return 2;
	}
	count = optind < argc ? atol(argv[optind]) : 0;
	if (count < 1 || names < 0 || names > count)
		errx(2, "usage: hold [-l] [-g NAMES] N");
	per_connection = leak ? 1 : 2;
	share = (descriptors_available(count * per_connection + SPARE_FDS) - SPARE_FDS) /
		per_connection;
	if (share < 1)
		errx(1, "the limit on open files is too low");
	processes = (count + share - 1) / share;
	if (processes < names)
		processes = names;
	enter_own_netns();
	if (pipe(ready))
		err(1, "pipe");

	for (long i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child > 0)
			continue;
		close(ready[0]);
		if (names)
			take_name(i);
		open_connections(count / processes + (i < count % processes), leak);
		if (write(ready[1], "r", 1) != 1)
			err(1, "write");
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
		_exit(0);
	}
	close(ready[1]);
	for (long i = 0; i < processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			errx(1, "a process failed");
	printf("ready %ld %ld\n", count, processes);
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
