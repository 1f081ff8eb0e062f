/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * spaces NAMESPACES TIME_WAIT LEAKS [UNACCEPTED]: a host with many network namespaces.
 *
 * In each namespace a process listens and is connected to by itself, once a second; LEAKS times a
 * second one of them does not close such a connection for 20 s, and with UNACCEPTED it does not
 * call accept() for every other one. Another namespace has TIME_WAIT sockets in that state, which
 * are renewed. Prints `stall PID PORT INODE`, of the first process, which for each line of stdin
 * lets five connections wait that it never accepts; and `all` when all that is there. Ends with
 * stdin.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT	    8000
#define TICK_MS	    50
#define LEAK_TICKS  (20000 / TICK_MS)
#define TIME_WAIT_S 60

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		err(1, "%s", path);
}

static void enter_own_netns(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err(1, "lo");
	close(fd);
	set("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535");
}

static struct sockaddr_in address_of(unsigned int number, int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((unsigned short)port),
				    .sin_addr.s_addr = htonl(127u << 24 | (number + 1))};
}

static int listen_at(int port, int backlog)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((unsigned short)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, backlog))
		err(1, "listen");
	return fd;
}

static int connect_to(unsigned int number, int port)
{
	struct sockaddr_in address = address_of(number, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	return fd;
}

/* The client closes first, so that its end goes to TIME_WAIT. */
static void once(int listener, unsigned int number)
{
	int client = connect_to(number, PORT), server = accept(listener, NULL, NULL);
	char byte;

	close(client);
	if (server < 0 || read(server, &byte, 1))
		err(1, "accept");
	close(server);
}

static void keep_time_wait(long count, int ready)
{
	int listener = listen_at(PORT, 64);
	double began = now_s();
	long made = 0;

	prctl(PR_SET_NAME, "spaces-churn");
	for (; made < count; made++)
		once(listener, (unsigned int)(made / 20000));
	if (write(ready, "r", 1) != 1)
		err(1, "ready");
	/* Those that were made first end first. */
	for (made = 0;; made++) {
		double due = began + TIME_WAIT_S + (double)made * TIME_WAIT_S / (double)count;

		while (now_s() < due)
			usleep(1000 * TICK_MS);
		once(listener, (unsigned int)(made / 20000 % 100));
	}
}

/* Leaks one connection, on a second listener where it is not to be accepted. */
static int leak(int listener, int silent, bool accepted)
{
	int client = connect_to(0, accepted ? PORT : PORT + 1), server = -1;
	char byte;

	if (accepted)
		server = accept(listener, NULL, NULL);
	close(client);
	if (accepted && (server < 0 || read(server, &byte, 1)))
		err(1, "leak");
	return accepted ? server : silent;
}

static bool unaccepted;

static void serve(long number, long of, long leaks, int commands, int ready)
{
	static int kept[LEAK_TICKS];
	int listener = listen_at(PORT, 64), silent = listen_at(PORT + 1, 64);
	struct pollfd command = {.fd = commands, .events = POLLIN};
	char line[64], name[32];
	long tick = 0, every = leaks ? of * 1000 / TICK_MS / leaks : 0;
	bool first = !number;

	snprintf(name, sizeof(name), "spaces-%ld", number);
	prctl(PR_SET_NAME, name);
	if (leaks && !every)
		every = 1;
	if (write(ready, "r", 1) != 1)
		err(1, "ready");
	for (tick = number;; tick++) {
		int *old = &kept[tick % LEAK_TICKS];

		if (*old > 0 && *old != silent)
			close(*old);
		if (*old == silent && *old > 0)
			close(accept(silent, NULL, NULL));
		*old = 0;
		if (tick % (1000 / TICK_MS) == 0)
			once(listener, 0);
		if (every && tick % every == 0)
			*old = leak(listener, silent, !unaccepted || tick / every % 2);
		poll(&command, first, TICK_MS);
		if (first && command.revents & POLLIN && read(commands, line, sizeof(line)) > 0)
			for (int i = 0; i < 5; i++)
				connect_to(0, PORT + 2);
	}
}

static void serve_in_own(long number, long of, long leaks, int commands, int ready)
{
	struct stat status;

	enter_own_netns();
	if (!number) {
		listen_at(PORT + 2, 64);
		if (stat("/proc/self/ns/net", &status))
			err(1, "stat");
		printf("stall %d %d %lu\n", getpid(), PORT + 2, (unsigned long)status.st_ino);
		fflush(stdout);
	}
	serve(number, of, leaks, commands, ready);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 0, time_wait = argc > 2 ? atol(argv[2]) : 0;
	long leaks = argc > 3 ? atol(argv[3]) : 0;
	int ready[2], commands[2];
	struct rlimit limit = {4096, 4096};
	char line[64];
	ssize_t got;

	unaccepted = argc > 4;
	if (count < 1 || pipe(ready) || pipe(commands))
		errx(2, "usage: spaces NAMESPACES TIME_WAIT LEAKS [UNACCEPTED]");
	setrlimit(RLIMIT_NOFILE, &limit);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (long i = 0; i < count + (time_wait > 0); i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(commands[1]);
		if (i == count) {
			enter_own_netns();
			keep_time_wait(time_wait, ready[1]);
		}
		serve_in_own(i, count, leaks, commands[0], ready[1]);
	}
	close(ready[1]);
	for (long i = 0; i < count + (time_wait > 0); i++)
		if (read(ready[0], line, 1) != 1)
			errx(1, "a process failed");
	printf("all\n");
	fflush(stdout);
	while ((got = read(STDIN_FILENO, line, sizeof(line))) > 0)
		if (write(commands[1], line, (size_t)got) != got)
			err(1, "command");
	return 0;
}
