/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FILE_WINDOW_H
#define TCPWATCH_FILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes are read at a time. */
#define FILE_WINDOW_SIZE (64 * 1024)

struct file_window_part {
	uint64_t start;
	size_t length;
	unsigned char bytes[FILE_WINDOW_SIZE];
};

/*
 * Reads a file by parts. There are two, since a table and what it points to are read in turns. The
 * file is not mapped: another process could shorten it, and a read would end in SIGBUS.
 */
struct file_window {
	int fd;		   /* stays the caller's */
	int err;	   /* why the last look failed: a negative errno */
	uint64_t budget;   /* how many bytes may still be read */
	unsigned int last; /* the part that was used last */
	struct file_window_part parts[2];
};

/* The descriptor stays the caller's. At most `budget` bytes will be read. */
void file_window_init(struct file_window *window, int fd, uint64_t budget);

/*
 * Returns `size` bytes at `offset`, valid until the next look. size: up to FILE_WINDOW_SIZE.
 * Returns NULL, and sets err, where they cannot be read: -ENOEXEC beyond the end of the file,
 * -EFBIG where the budget is spent, or another negative errno.
 */
const void *file_window_look(struct file_window *window, uint64_t offset, size_t size);

/*
 * Sets *at to the first place of `what` within [begin, end) of the file. length: of `what`, up to
 * FILE_WINDOW_SIZE / 2. Returns 0; -ENOENT where it is not there; or another negative errno as in
 * file_window_look(). *at is untouched unless 0.
 */
int file_window_find(struct file_window *window, uint64_t begin, uint64_t end, const void *what,
		     size_t length, uint64_t *at);

#endif
