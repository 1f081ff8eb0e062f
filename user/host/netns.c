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

#include "host/asker.h"
#include "host/netns_mount.h"

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
	if (!known->id)
		known->id = netns->id;
	if (netns->pid && (!known->pid || (known->thread && !netns->thread))) {
		known->pid = netns->pid;
		known->thread = netns->thread;
	}
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

/* From 6.18 on: struct nsfs_file_handle and FD_NSFS_ROOT (include/uapi/linux/nsfs.h, fcntl.h), and
 * FILEID_NSFS (include/linux/exportfs.h). */
struct nsfs_handle {
	uint64_t id;
	uint32_t type;
	uint32_t inode;
};

#define NSFS_ROOT   (-10003)
#define NSFS_HANDLE 0xf1

/* Room for a file handle, which has no size of its own. */
union handle {
	struct file_handle head;
	char memory[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int open_handle(union handle *handle)
{
	return open_by_handle_at(NSFS_ROOT, &handle->head, O_RDONLY | O_CLOEXEC);
}

bool netns_has_handles(void)
{
	union handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount, fd;

	if (name_to_handle_at(AT_FDCWD, "/proc/thread-self/ns/net", &handle.head, &mount,
			      AT_SYMLINK_FOLLOW) ||
	    handle.head.handle_type != NSFS_HANDLE)
		return false;
	fd = open_handle(&handle);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int open_by_id(const struct netns *netns)
{
	const struct nsfs_handle by = {netns->id, CLONE_NEWNET, netns->inode};
	union handle handle = {.head = {.handle_bytes = sizeof(by), .handle_type = NSFS_HANDLE}};
	int fd;

	if (!netns->id)
		return -ENOENT;
	memcpy(handle.head.f_handle, &by, sizeof(by));
	fd = open_handle(&handle);
	return fd >= 0 ? fd : errno == ESTALE ? -ESRCH : -ENOENT;
}

static int open_process(const struct netns *netns)
{
	int fd;

	if (!netns->pid)
		return -ENOENT;
	fd = (int)syscall(SYS_pidfd_open, netns->pid, netns->thread ? PIDFD_THREAD : 0);
	if (fd >= 0)
		return fd;
	if (errno != EINVAL && errno != ENOENT)
		return -errno;
	/* Another thread has that id by now, or there are no pidfds of threads. */
	return netns->thread ? -ENOENT : -ESRCH;
}

static int open_thread(const struct netns *netns)
{
	const struct open_how how = {0};
	char path[64];
	struct stat status;
	int fd;

	if (!netns->pid || !netns->thread)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", netns->pid);
	fd = asker_open(AT_FDCWD, path, &how, true, false, &status);
	return fd == -ENOENT ? -ESRCH : fd;
}

static int open_mount(const struct netns *netns)
{
	return netns->pid ? -ENOENT : netns_mount_open(netns->inode);
}

/* Each returns a descriptor for setns(), which the caller closes, or a negative errno: -ENOENT
 * where it does not apply. */
static int (*const ways[])(const struct netns *netns) = {open_by_id, open_process, open_thread,
							 open_mount};

static void return_home(int home_fd)
{
	if (!setns(home_fd, CLONE_NEWNET))
		return;
	/* All that follows would be done in the wrong namespace. */
	perror("tcpwatch: cannot return to its own network namespace");
	exit(EXIT_FAILURE);
}

/* Goes in, and closes the descriptor. Returns 0 inside, or a negative errno at home. */
static int go_in(int home_fd, int fd, uint32_t inode)
{
	int err = setns(fd, CLONE_NEWNET) ? -errno : 0;

	close(fd);
	if (err)
		return err;
	if (is_in(inode))
		return 0;
	return_home(home_fd);
	return -ESRCH;
}

int netns_enter(int home_fd, const struct netns *netns, void (*inside)(void *context),
		void *context)
{
	int err = -ESRCH;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int fd = ways[i](netns);

		if (fd == -ENOENT)
			continue;
		err = fd < 0 ? fd : go_in(home_fd, fd, netns->inode);
		if (err)
			continue;
		inside(context);
		return_home(home_fd);
		return 0;
	}
	return err;
}
