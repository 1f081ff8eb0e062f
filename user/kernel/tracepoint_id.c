// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/tracepoint_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#define PATH_LEN  128
#define DIGITS	  20
#define MOUNTED	  "/sys/kernel/tracing"
#define MOUNTED_1 "/sys/kernel/debug/tracing" /* where old systems have it */

static int read_id(int directory, const char *name, __u64 *id)
{
	char path[PATH_LEN], text[DIGITS + 1];
	ssize_t got;
	int fd, err;

	if (snprintf(path, sizeof(path), "events/%s/id", name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	err = got < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	text[got] = '\0';
	*id = strtoull(text, NULL, 10);
	return *id ? 0 : -EPROTO;
}

static int read_mounted(const char *where, const char *name, __u64 *id)
{
	int directory = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (directory < 0)
		return -errno;
	err = read_id(directory, name, id);
	close(directory);
	return err;
}

/* Returns a descriptor of tracefs that is attached to no path, or a negative errno. The instance
 * ends with the descriptor. */
static int open_tracefs(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC);
	int root = -1, err;

	if (context < 0)
		return -errno;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		root = fsmount(context, FSMOUNT_CLOEXEC,
			       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				       MOUNT_ATTR_NOEXEC);
	err = -errno;
	close(context);
	return root < 0 ? err : root;
}

int tracepoint_find_id(const char *name, __u64 *id)
{
	int root, err;

	if (!read_mounted(MOUNTED, name, id) || !read_mounted(MOUNTED_1, name, id))
		return 0;
	root = open_tracefs();
	if (root < 0)
		return root;
	err = read_id(root, name, id);
	close(root);
	return err;
}
