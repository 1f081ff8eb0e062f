// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/file.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_open.h"

/* Reads up to the size that the file has now. A file that grows meanwhile is read again later. */
static int bytes_read(int fd, size_t max, char **text, size_t *size)
{
	struct stat stat;
	size_t length = 0;
	char *buffer;

	if (fstat(fd, &stat))
		return -errno;
	if ((uint64_t)stat.st_size > max)
		return -EFBIG;
	buffer = malloc((size_t)stat.st_size + 1);
	if (!buffer)
		return -ENOMEM;
	while (length < (size_t)stat.st_size) {
		ssize_t count = read(fd, buffer + length, (size_t)stat.st_size - length);

		if (count < 0) {
			int err = -errno;

			free(buffer);
			return err;
		}
		if (!count)
			break;
		length += (size_t)count;
	}
	buffer[length] = '\0';
	*text = buffer;
	*size = length;
	return 0;
}

int http_file_read(const char *path, size_t max, char **text, size_t *size)
{
	int fd = safe_open(path, SAFE_OPEN_FILE);
	int err;

	if (fd < 0)
		return fd;
	err = bytes_read(fd, max, text, size);
	close(fd);
	return err;
}
