/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FILE_WINDOW_H
#define TCPWATCH_FILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define FILE_WINDOW_SIZE (64 * 1024)

struct file_window_part {
	uint64_t start;
	size_t length;
	unsigned char bytes[FILE_WINDOW_SIZE];
};

/*
 * Parts of a file: two, since a table and what it points to are read in turns. Not mapped: who
 * shortens the file must not be able to end us.
 */
struct file_window {
	int fd;		   /* stays the caller's */
	int err;	   /* why the last look failed: negative errno; -ENOEXEC: no such place */
	uint64_t budget;   /* bytes that may still be read */
	unsigned int last; /* which part was looked at */
	struct file_window_part parts[2];
};

void file_window_init(struct file_window *window, int fd, uint64_t budget);

/* `size` bytes at `offset`, valid until the next look; NULL if they are not to be had. size: up to
 * FILE_WINDOW_SIZE. */
const void *file_window_look(struct file_window *window, uint64_t offset, size_t size);

/*
 * Where `what` is within [begin, end) of the file, the first time; its length is `length`, up to
 * FILE_WINDOW_SIZE / 2. Returns 0, -ENOENT, or another negative errno.
 */
int file_window_find(struct file_window *window, uint64_t begin, uint64_t end, const void *what,
		     size_t length, uint64_t *at);

#endif
