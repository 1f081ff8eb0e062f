// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int netns_home(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns_enter(int home_fd, uint32_t pid, void (*inside)(void *context), void *context)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		err = -errno;
	close(fd);
	if (err)
		return err;
	inside(context);
	if (setns(home_fd, CLONE_NEWNET)) {
		/* Nothing can be right from here on. */
		perror("tcpwatch: cannot return to the own network namespace");
		exit(EXIT_FAILURE);
	}
	return 0;
}
