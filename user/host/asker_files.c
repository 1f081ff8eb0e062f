// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/asker_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not in every linux/magic.h. */
#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xff534d42
#define SMB2_MAGIC 0xfe534d42
#define CEPH_MAGIC 0x00c36400

/* A new descriptor that is not 0, which means that there is none. */
static int above_zero(int fd)
{
	int moved;

	if (fd)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, 1);
	close(fd);
	return moved < 0 ? -errno : moved;
}

static int copy(int from, int to, uint64_t most)
{
	char buffer[16384];
	ssize_t count;

	while (most) {
		count = read(from, buffer, most < sizeof(buffer) ? (size_t)most : sizeof(buffer));
		if (count < 0)
			return -errno;
		if (!count)
			break;
		if (write(to, buffer, (size_t)count) != count)
			return -ENOSPC;
		most -= (uint64_t)count;
	}
	return lseek(to, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int read_file(const char *path, uint64_t most)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to, err;

	if (from < 0)
		return -errno;
	to = memfd_create("tcpwatch", MFD_CLOEXEC);
	err = to < 0 ? -errno : copy(from, to, most);
	close(from);
	if (!err)
		return above_zero(to);
	if (to >= 0)
		close(to);
	return err;
}

static bool is_local(int fd)
{
	struct statfs system;

	if (fstatfs(fd, &system))
		return false;
	switch ((unsigned int)system.f_type) {
	case FUSE_MAGIC:
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_MAGIC:
	case SMB2_MAGIC:
	case CEPH_MAGIC:
	case AFS_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case V9FS_MAGIC:
		return false;
	default:
		return true;
	}
}

/* Opens what an O_PATH descriptor stands for: a regular file, so that this has no effect on it. */
static int open_regular(int found, const struct stat *status, bool local)
{
	char path[64];
	int fd;

	if (!S_ISREG(status->st_mode))
		return -EPERM;
	if (local && !is_local(found))
		return -EREMOTE;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_file(const struct asker_question *question, int at, struct stat *status)
{
	struct open_how how = question->how;
	long found;
	int fd;

	how.flags |= O_PATH | O_CLOEXEC;
	found = syscall(SYS_openat2, at, question->path, &how, sizeof(how));
	if (found < 0)
		return -errno;
	fd = fstat((int)found, status) ? -errno : (int)found;
	if (fd >= 0 && question->regular)
		fd = open_regular((int)found, status, question->local);
	if (fd != (int)found)
		close((int)found);
	return fd < 0 ? fd : above_zero(fd);
}

int asker_files_answer(const struct asker_question *question, int at, struct asker_answer *answer)
{
	switch (question->what) {
	case ASKER_READ:
		return read_file(question->path, question->most);
	case ASKER_STAT:
		return stat(question->path, &answer->status) ? -errno : 0;
	case ASKER_OPEN:
		return open_file(question, at, &answer->status);
	default:
		return -EINVAL;
	}
}

bool asker_files_serve(int fd)
{
	struct asker_question question;
	struct asker_answer answer = {0};
	int at = AT_FDCWD, found, err;

	if (asker_files_receive(fd, &question, sizeof(question), &at))
		return false;
	found = asker_files_answer(&question, at, &answer);
	answer.err = found < 0 ? found : 0;
	err = asker_files_send(fd, &answer, sizeof(answer), found > 0 ? found : -1);
	if (found > 0)
		close(found);
	if (at >= 0)
		close(at);
	return !err;
}

int asker_files_send(int fd, const void *message, size_t size, int with)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)message, .iov_len = size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *rights;

	if (with >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &with, sizeof(with));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

int asker_files_receive(int fd, void *message, size_t size, int *with)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {.iov_base = message, .iov_len = size};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	struct cmsghdr *rights;

	if (recvmsg(fd, &header, MSG_CMSG_CLOEXEC) != (ssize_t)size)
		return -EPIPE;
	rights = CMSG_FIRSTHDR(&header);
	if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(with, CMSG_DATA(rights), sizeof(*with));
	return 0;
}
