// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int netns_list_add(struct netns_list *list, const struct netns *netns)
{
	struct netns *items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = *netns;
	return 0;
}

bool netns_list_has(const struct netns_list *list, uint32_t inode)
{
	/* Most neighbours in /proc share a namespace, so the latest one is the likeliest. */
	for (size_t i = list->count; i-- > 0;)
		if (list->items[i].inode == inode)
			return true;
	return false;
}

int netns_list_read(struct netns_list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		char path[sizeof(entry->d_name) + 16];
		struct stat status;
		struct netns netns;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/ns/net", entry->d_name);
		/* The process has ended, or may not be inspected. */
		if (fstatat(dirfd(proc), path, &status, 0))
			continue;
		netns.inode = (uint32_t)status.st_ino;
		netns.pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!netns_list_has(list, netns.inode))
			err = netns_list_add(list, &netns);
	}
	closedir(proc);
	return err;
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
		/* All that follows would be done in the wrong namespace. */
		perror("tcpwatch: cannot return to its own network namespace");
		exit(EXIT_FAILURE);
	}
	return 0;
}
