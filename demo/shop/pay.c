// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop.h"

static const char request[] = "POST /charge HTTP/1.1\r\nHost: payments\r\n\r\n";

int charge(void)
{
	struct sockaddr_in payments = {.sin_family = AF_INET, .sin_port = htons(PAYMENTS_PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	char answer[512];
	ssize_t got;

	if (fd < 0)
		return -1;
	inet_pton(AF_INET, PAYMENTS_ADDRESS, &payments.sin_addr);
	if (connect(fd, (struct sockaddr *)&payments, sizeof(payments)) ||
	    write(fd, request, strlen(request)) < 0) {
		close(fd);
		return -1;
	}
	while ((got = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)got;
	answer[len] = '\0';

	if (!strstr(answer, " 200 "))
		return -1; /* the card was declined */
	close(fd);
	return 0;
}
