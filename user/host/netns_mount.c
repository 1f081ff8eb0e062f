// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/asker.h"

/* Of a list of mounts, and of namespaces in it. */
#define BYTES_MOST  (16 * 1024 * 1024)
#define MOUNTS_MOST 4096

struct mount {
	uint32_t inode;
	char *path;
};

static struct {
	const char *root; /* of the process whose mounts they are */
	struct mount *items;
	size_t count;
	uint64_t read_ns; /* 0: never */
} mounts;

static bool is_octal(const char *at)
{
	return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' &&
	       at[2] <= '7';
}

/* mangle() in fs/proc_namespace.c writes blanks and backslashes in octal. */
static bool copy_path(char path[NETNS_MOUNT_PATH], const char *from, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (used + 1 == NETNS_MOUNT_PATH)
			return false;
		if (from[i] == '\\' && len - i > 3 && is_octal(from + i + 1)) {
			path[used++] = (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 |
					      (from[i + 3] - '0'));
			i += 3;
		} else {
			path[used++] = from[i];
		}
	}
	path[used] = '\0';
	return used > 0;
}

bool netns_mount_parse(const char *line, uint32_t *inode, char path[NETNS_MOUNT_PATH])
{
	int at = 0, end = 0, closed = 0;
	uint32_t found;

	/* The number of the mount and of the one below it, the device, the root, the path. */
	if (sscanf(line, "%*u %*u %*u:%*u net:[%" SCNu32 "]%n %n%*s%n", &found, &closed, &at,
		   &end) != 1 ||
	    !end || at == closed || !copy_path(path, line + at, (size_t)(end - at)))
		return false;
	*inode = found;
	return true;
}

static void forget(void)
{
	for (size_t i = 0; i < mounts.count; i++)
		free(mounts.items[i].path);
	free(mounts.items);
	mounts.items = NULL;
	mounts.count = 0;
}

static void add(uint32_t inode, const char *path)
{
	struct mount *items = realloc(mounts.items, (mounts.count + 1) * sizeof(*items));

	if (!items)
		return;
	mounts.items = items;
	items[mounts.count] = (struct mount){.inode = inode, .path = strdup(path)};
	if (items[mounts.count].path)
		mounts.count++;
}

static int read_mounts(const char *list)
{
	char path[NETNS_MOUNT_PATH], *line = NULL;
	uint32_t inode;
	size_t size = 0;
	FILE *file;
	int fd = asker_read(list, BYTES_MOST);

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	while (mounts.count < MOUNTS_MOST && getline(&line, &size, file) > 0)
		if (netns_mount_parse(line, &inode, path))
			add(inode, path);
	free(line);
	fclose(file);
	return 0;
}

/* tcpwatch may have mounts of its own, as under systemd. */
static void read_again(uint64_t now_ns)
{
	forget();
	mounts.root = "/proc/1/root";
	if (read_mounts("/proc/1/mountinfo") && !mounts.count) {
		mounts.root = "";
		read_mounts("/proc/self/mountinfo");
	}
	mounts.read_ns = now_ns;
}

static const char *find(uint32_t inode)
{
	for (size_t i = 0; i < mounts.count; i++)
		if (mounts.items[i].inode == inode)
			return mounts.items[i].path;
	return NULL;
}

int netns_mount_open(uint32_t inode)
{
	char path[sizeof("/proc/1/root") + NETNS_MOUNT_PATH];
	const struct open_how how = {0};
	const char *found = find(inode);
	uint64_t now_ns = clock_now();
	struct stat status;
	int fd;

	if (!found && (!mounts.read_ns || now_ns - mounts.read_ns >= NETNS_MOUNT_PAUSE_NS)) {
		read_again(now_ns);
		found = find(inode);
	}
	if (!found)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s%s", mounts.root, found);
	fd = asker_open(AT_FDCWD, path, &how, true, false, &status);
	if (fd >= 0 && status.st_ino != inode) { /* it is not mounted there any more */
		close(fd);
		fd = -ENOENT;
	}
	if (fd < 0)
		forget(); /* read again, but not at once */
	return fd;
}
