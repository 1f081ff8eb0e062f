/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pair SERVER CLIENT: two processes of these names whose connections are known. Prints the pids of
 * both, then answers each line of stdin with one:
 *   v N   the client visits the server N times; it closes first, and the server closes, too
 *   l     one visit whose server end stays open: prints its cookie
 *   e     the server closes what it left open
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#define LEFT_MAX 64

static struct sockaddr_in address = {.sin_family = AF_INET};
static int listener;

static void check(int failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	exit(1);
}

/* What is behind the calls keeps the compiler from leaving these two out of the stack. */
__attribute__((noinline)) static int take_customer(void)
{
	int fd = accept(listener, NULL, NULL);

	__asm__ volatile("nop");
	return fd;
}

__attribute__((noinline)) static int enter_shop(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	__asm__ volatile("nop");
	return fd;
}

static void read_to_end(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		;
}

static void serve_one(int left[LEFT_MAX], int *count)
{
	int fd = take_customer();
	socklen_t size = sizeof(uint64_t);
	uint64_t cookie = 0;
	char wish = 0;

	check(fd < 0, "accept");
	check(read(fd, &wish, 1) != 1, "read");
	if (wish == 'e') {
		while (*count)
			close(left[--*count]);
		check(write(fd, &wish, 1) != 1, "write");
	} else if (wish == 'l' && *count < LEFT_MAX) {
		check(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), "SO_COOKIE");
		check(write(fd, &cookie, sizeof(cookie)) != sizeof(cookie), "write");
		left[(*count)++] = fd;
	}
	read_to_end(fd);
	if (wish != 'l')
		close(fd);
}

_Noreturn static void serve(const char *name)
{
	int left[LEFT_MAX], count = 0;

	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		serve_one(left, &count);
}

static uint64_t visit(char wish)
{
	uint64_t answer = 0;
	int fd = enter_shop();

	check(write(fd, &wish, 1) != 1, "write");
	if (wish == 'l')
		check(read(fd, &answer, sizeof(answer)) != sizeof(answer), "read");
	else if (wish == 'e')
		check(read(fd, &answer, 1) != 1, "read");
	close(fd);
	return answer;
}

int main(int argc, char **argv)
{
	socklen_t size = sizeof(address);
	char line[64];
	pid_t server;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	check(bind(listener, (struct sockaddr *)&address, size) || listen(listener, 128) ||
		      getsockname(listener, (struct sockaddr *)&address, &size),
	      "listen");
	server = fork();
	check(server < 0, "fork");
	if (server == 0)
		serve(argv[1]);
	close(listener);
	prctl(PR_SET_NAME, argv[2]);
	printf("%d %d\n", server, getpid());
	while (fgets(line, sizeof(line), stdin)) {
		int count = line[0] == 'v' ? atoi(line + 1) : 1;
		uint64_t answer = 0;

		for (int i = 0; i < count; i++)
			answer = visit(line[0]);
		printf("%llx\n", (unsigned long long)answer);
	}
	return 0;
}
