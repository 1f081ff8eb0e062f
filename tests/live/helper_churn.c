/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * churn SECONDS THREADS KEPT LEAKED: connections as fast as they go, and the truth about them.
 *
 * A client process (this one) and a server process (its child). Most connections carry one byte,
 * the server closes, the client closes. In between and evenly spread KEPT ones stay open on both
 * sides, and LEAKED ones are closed by the client but not by the server, which took the end of
 * stream. Then one line of JSON, and both live on until stdin ends.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#define LEAKED_MAX 1024
#define NS_PER_S   1000000000ULL

/* Both processes see it. */
static struct shared {
	_Atomic uint64_t connections;
	_Atomic uint64_t failed;
	_Atomic uint64_t kept;
	_Atomic uint64_t leaked;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t cookies[LEAKED_MAX];
} * shared;

static struct sockaddr_in address = {.sin_family = AF_INET};
static int listener;
static uint64_t seconds, threads, want_kept, want_leaked;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void *serve(void *unused)
{
	char what;

	(void)unused;
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || read(fd, &what, 1) != 1)
			what = 'c';
		if (what == 'l') {
			uint64_t cookie = 0;
			socklen_t size = sizeof(cookie);

			while (read(fd, &what, 1) > 0)
				;
			getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
			shared->cookies[atomic_fetch_add(&shared->leaked, 1)] = cookie;
		} else if (what == 'c') {
			close(fd);
		}
	}
	return NULL;
}

/* One connection of kind `what`; true if it came about. */
static int visit(char what)
{
	uint64_t start = now_ns(), took, longest;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, &what, 1) != 1) {
		atomic_fetch_add(&shared->failed, 1);
		close(fd);
		return 0;
	}
	atomic_fetch_add(&shared->connections, 1);
	if (what == 'k') {
		atomic_fetch_add(&shared->kept, 1);
		return 1;
	}
	if (what == 'c' && read(fd, &what, 1) != 0)
		atomic_fetch_add(&shared->failed, 1);
	close(fd);
	took = now_ns() - start;
	longest = shared->max_ns;
	while (took > longest && !atomic_compare_exchange_weak(&shared->max_ns, &longest, took))
		;
	return 1;
}

static void *churn(void *number)
{
	uint64_t start = now_ns(), length = seconds * NS_PER_S, elapsed;
	uint64_t leaked = 0, kept = 0;

	/* On a slow machine the time may be over before all that shall stay is there. */
	while ((elapsed = now_ns() - start) < length ||
	       (!number && (leaked < want_leaked || kept < want_kept))) {
		if (number) {
			visit('c');
			continue;
		}
		if (leaked < want_leaked && elapsed * want_leaked >= leaked * length)
			leaked += (uint64_t)visit('l');
		else if (kept < want_kept && elapsed * want_kept >= kept * length)
			kept += (uint64_t)visit('k');
		else
			visit('c');
	}
	return NULL;
}

static void run(void *(*work)(void *), pthread_t *ids)
{
	for (uint64_t i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i);
	for (uint64_t i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

int main(int argc, char **argv)
{
	socklen_t size = sizeof(address);
	pthread_t ids[64];
	pid_t server;
	char end;

	if (argc != 5)
		return 2;
	seconds = strtoull(argv[1], NULL, 10);
	threads = strtoull(argv[2], NULL, 10);
	want_kept = strtoull(argv[3], NULL, 10);
	want_leaked = strtoull(argv[4], NULL, 10);
	if (threads > 64 || want_leaked > LEAKED_MAX)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (shared == MAP_FAILED || bind(listener, (struct sockaddr *)&address, size) ||
	    listen(listener, 4096) || getsockname(listener, (struct sockaddr *)&address, &size))
		return 1;
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "churn-server");
		run(serve, ids);
	}
	close(listener);
	prctl(PR_SET_NAME, "churn-client");
	run(churn, ids);
	while (shared->leaked < want_leaked)
		usleep(1000);
	printf("{\"client\": %d, \"server\": %d, \"connections\": %llu, \"failed\": %llu, \"kept\": %llu, "
	       "\"max_ns\": %llu, \"leaked\": [",
	       getpid(), server, (unsigned long long)shared->connections,
	       (unsigned long long)shared->failed, (unsigned long long)shared->kept,
	       (unsigned long long)shared->max_ns);
	for (uint64_t i = 0; i < shared->leaked; i++)
		printf("%s\"%llx\"", i ? ", " : "", (unsigned long long)shared->cookies[i]);
	printf("]}\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
