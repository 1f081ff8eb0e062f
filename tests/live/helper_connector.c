/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * connector once PORT NAME     under that name: connects and exits at once, the kernel closes
 * connector vfork PORT         connects; a vfork child closes its copy, connects on its own and
 * executes `true`; prints the child's pid and both cookies, and waits for the end of stdin
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static int connect_to(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -1 : fd;
}

static unsigned long long cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	return cookie;
}

int main(int argc, char **argv)
{
	volatile unsigned long long theirs = 0;
	int fd;
	pid_t child;

	if (argc < 3)
		return 2;
	if (argc == 4)
		prctl(PR_SET_NAME, argv[3]);
	fd = connect_to(argv[2]);
	if (fd < 0)
		return 1;
	if (!strcmp(argv[1], "once"))
		return 0;
	child = vfork();
	if (child == 0) {
		close(fd);
		theirs = cookie_of(connect_to(argv[2]));
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
	printf("%d %llx %llx\n", child, cookie_of(fd), theirs);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
