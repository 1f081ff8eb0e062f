// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/cgroup_path.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONTAINER_DIGITS (CGROUP_CONTAINER_LEN - 1)

/* The line of cgroup v2 begins with this: hierarchy 0, no controllers (cgroups(7)). */
#define LINE_MARK "0::"

/* What the kernel appends to the path of a cgroup that was removed (cgroups(7)). */
#define DELETED " (deleted)"

/* How many bytes of the file are read: lines of cgroup v1, which come first, have paths as well. */
#define FILE_MOST (64 * 1024)

static size_t without_mark(const char *path, size_t length)
{
	const size_t mark = strlen(DELETED);

	if (length <= mark || memcmp(path + length - mark, DELETED, mark) != 0)
		return length;
	return length - mark;
}

int cgroup_path_parse(const char *text, size_t size, char path[CGROUP_PATH_LEN])
{
	const size_t mark = strlen(LINE_MARK);

	*path = '\0';
	while (size) {
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;

		if (length > mark && !memcmp(text, LINE_MARK, mark)) {
			length = without_mark(text + mark, length - mark);
			text += mark;
			if (length >= CGROUP_PATH_LEN) {
				text += length - (CGROUP_PATH_LEN - 1);
				length = CGROUP_PATH_LEN - 1;
			}
			memcpy(path, text, length);
			path[length] = '\0';
			return 0;
		}
		text += length + !!end;
		size -= length + !!end;
	}
	return -ENOENT;
}

int cgroup_path_read(uint32_t tgid, char path[CGROUP_PATH_LEN])
{
	static char text[FILE_MOST];
	char name[64];
	size_t size = 0;
	ssize_t count;
	int fd;

	*path = '\0';
	/* The process cannot make that wait: proc_cgroup_show() in kernel/cgroup/cgroup.c takes
	 * locks of the hierarchy only. */
	snprintf(name, sizeof(name), "/proc/%u/cgroup", tgid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (size < sizeof(text) && (count = read(fd, text + size, sizeof(text) - size)) > 0)
		size += (size_t)count;
	close(fd);
	return cgroup_path_parse(text, size, path);
}

void cgroup_container(const char *path, char container[CGROUP_CONTAINER_LEN])
{
	size_t digits = 0;

	*container = '\0';
	for (const char *at = path; *at; at++) {
		bool starts = at == path || strchr("/-:", at[-1]);

		if (!starts)
			continue;
		for (digits = 0; isxdigit((unsigned char)at[digits]);)
			digits++;
		if (digits != CONTAINER_DIGITS)
			continue;
		memcpy(container, at, CONTAINER_DIGITS);
		/* The loop goes on: the last id, of the innermost container, counts. */
		container[CONTAINER_DIGITS] = '\0';
	}
}
