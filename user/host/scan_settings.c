// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/scan_settings.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/netns.h"

struct reading {
	struct net_settings *settings;
	int err;
};

static void read_inside(void *context)
{
	struct reading *reading = context;

	reading->err = net_settings_read(reading->settings);
}

static int read_elsewhere(int home_fd, uint32_t netns, const struct netns_list *list,
			  struct net_settings *settings)
{
	struct reading reading = {.settings = settings, .err = -ENOENT};
	int err = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].inode != netns)
			continue;
		err = netns_enter(home_fd, &list->items[i], read_inside, &reading);
		break;
	}
	return err == -ESRCH ? -ENOENT : err ? err : reading.err;
}

int scan_settings(uint32_t netns, const struct netns_list *list, struct net_settings *settings)
{
	int home_fd = netns_home(), err;
	struct stat home;

	if (home_fd < 0)
		return home_fd;
	if (fstat(home_fd, &home))
		err = -errno;
	else if ((uint32_t)home.st_ino == netns)
		err = net_settings_read(settings);
	else
		err = read_elsewhere(home_fd, netns, list, settings);
	close(home_fd);
	return err;
}
