// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From 6.9 on, include/uapi/linux/pidfd.h. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

int netns_list_add(struct netns_list *list, const struct netns *netns)
{
	struct netns *items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = *netns;
	return 0;
}

static struct netns *find(const struct netns_list *list, uint32_t inode)
{
	/* Most neighbours in /proc share a namespace, so the latest one is the likeliest. */
	for (size_t i = list->count; i-- > 0;)
		if (list->items[i].inode == inode)
			return &list->items[i];
	return NULL;
}

bool netns_list_has(const struct netns_list *list, uint32_t inode)
{
	return find(list, inode) != NULL;
}

int netns_list_learn(struct netns_list *list, const struct netns *netns)
{
	struct netns *known = find(list, netns->inode);

	if (!known)
		return netns_list_add(list, netns);
	if (known->thread && !netns->thread)
		*known = *netns;
	return 0;
}

void netns_list_clear(struct netns_list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

int netns_home(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_in(uint32_t inode)
{
	struct stat status;

	/* Of the calling thread: nobody else can make that wait. */
	return !stat("/proc/thread-self/ns/net", &status) && (uint32_t)status.st_ino == inode;
}

static int open_process(const struct netns *netns)
{
	int fd = (int)syscall(SYS_pidfd_open, netns->pid, netns->thread ? PIDFD_THREAD : 0);

	if (fd >= 0)
		return fd;
	/* Another thread has that id by now. */
	return !netns->thread && (errno == EINVAL || errno == ENOENT) ? -ESRCH : -errno;
}

int netns_enter(int home_fd, const struct netns *netns, void (*inside)(void *context),
		void *context)
{
	int fd = open_process(netns), err = 0;

	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET))
		err = -errno;
	close(fd);
	if (err)
		return err;
	if (is_in(netns->inode))
		inside(context);
	else
		err = -ESRCH;
	if (setns(home_fd, CLONE_NEWNET)) {
		/* All that follows would be done in the wrong namespace. */
		perror("tcpwatch: cannot return to its own network namespace");
		exit(EXIT_FAILURE);
	}
	return err;
}
