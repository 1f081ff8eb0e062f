// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Accepts at two places and never closes. Prints its port; serves until killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static int taken;

static APART int take_first(int listener)
{
	int fd = accept(listener, NULL, NULL); /* first */

	taken += fd >= 0;
	return fd;
}

static APART int take_other(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); /* other */

	taken += fd >= 0;
	return fd;
}

static APART void drain(int fd)
{
	char some[256];

	while (read(fd, some, sizeof(some)) > 0)
		;
	taken++;
}

static APART int serve(int listener)
{
	drain(take_first(listener));
	for (;;)
		drain(take_other(listener));
	return taken;
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 64) || getsockname(listener, (struct sockaddr *)&address, &length))
		return 1;
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return serve(listener) + 1;
}
