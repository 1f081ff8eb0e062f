// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/file_window.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

void file_window_init(struct file_window *window, int fd, uint64_t budget)
{
	window->fd = fd;
	window->err = 0;
	window->budget = budget;
	window->last = 0;
	for (int i = 0; i < 2; i++)
		window->parts[i].start = window->parts[i].length = 0;
}

/* Reads the part anew, from offset. Returns 0 or a negative errno. */
static int fill(struct file_window *window, struct file_window_part *part, uint64_t offset)
{
	ssize_t got;

	if (offset > INT64_MAX - FILE_WINDOW_SIZE)
		return -ENOEXEC;
	if (window->budget < FILE_WINDOW_SIZE)
		return -EFBIG;
	window->budget -= FILE_WINDOW_SIZE;
	part->start = offset;
	part->length = 0;
	do {
		got = pread(window->fd, part->bytes + part->length, FILE_WINDOW_SIZE - part->length,
			    (off_t)(offset + part->length));
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			part->length += (size_t)got;
	} while (got && part->length < FILE_WINDOW_SIZE);
	return 0;
}

static bool has(const struct file_window_part *part, uint64_t offset, size_t size)
{
	return offset >= part->start && offset - part->start <= part->length &&
	       part->length - (offset - part->start) >= size;
}

const void *file_window_look(struct file_window *window, uint64_t offset, size_t size)
{
	struct file_window_part *part = &window->parts[window->last];

	if (!has(part, offset, size)) {
		window->last = !window->last;
		part = &window->parts[window->last];
	}
	window->err = 0;
	if (!has(part, offset, size))
		window->err = fill(window, part, offset);
	if (!window->err && !has(part, offset, size))
		window->err = -ENOEXEC;
	return window->err ? NULL : part->bytes + (offset - part->start);
}

int file_window_find(struct file_window *window, uint64_t begin, uint64_t end, const void *what,
		     size_t length, uint64_t *at)
{
	while (begin < end && end - begin >= length) {
		uint64_t size = end - begin < FILE_WINDOW_SIZE ? end - begin : FILE_WINDOW_SIZE;
		const unsigned char *bytes = file_window_look(window, begin, (size_t)size);
		const unsigned char *found;

		if (!bytes)
			return window->err;
		found = memmem(bytes, (size_t)size, what, length);
		if (found) {
			*at = begin + (uint64_t)(found - bytes);
			return 0;
		}
		begin += size - length + 1;
	}
	return -ENOENT;
}
