// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns_list.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	/* Neighbours in /proc mostly share one: the latest is the likeliest. */
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
		if (fstatat(dirfd(proc), path, &status, 0)) /* ended, or not ours to see */
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
