// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A shop that charges a card for each order, one after the other. pay.c has a bug. */
#include <err.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop.h"

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(SHOP_PORT)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 511))
		err(1, "listen");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			err(1, "accept");
		checkout(fd);
		close(fd);
	}
}
