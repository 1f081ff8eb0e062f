// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop.h"

void checkout(int fd)
{
	const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	char order[512];

	if (read(fd, order, sizeof(order)) <= 0)
		return;
	if (charge())
		answer = "HTTP/1.1 402 Payment Required\r\nContent-Length: 0\r\n\r\n";
	send(fd, answer, strlen(answer), MSG_NOSIGNAL);
}
