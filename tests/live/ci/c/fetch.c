// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int fetch(unsigned short port, char *answer, size_t size)
{
	struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t length;

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&server, sizeof(server))) {
		close(fd);
		return -1;
	}
	length = recv(fd, answer, size - 1, MSG_WAITALL);
	answer[length < 0 ? 0 : length] = '\0';
	if (!strcmp(answer, "busy\n")) {
		errno = EBUSY;
		return -1; /* the bug: fd is still open */
	}
	close(fd);
	return length < 0 ? -1 : 0;
}
