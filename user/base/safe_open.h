/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SAFE_OPEN_H
#define TCPWATCH_SAFE_OPEN_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Opens files that a user has named. tcpwatch runs as root, and the file may be in a folder where
 * others write. So no opening and no reading takes longer than SAFE_OPEN_WAIT_NS, no device is
 * opened that does something on opening, and symbolic links in a folder that everybody may write to
 * are followed only if they belong to this user or to the folder's owner, whatever the sysctl
 * fs.protected_symlinks says. /dev/stdin, /dev/stdout and /dev/fd/N are what this process has open.
 */
#define SAFE_OPEN_WAIT_NS (5 * 1000000000ULL)

enum safe_open_kind {
	/* For reading; only a regular file. */
	SAFE_OPEN_FILE,
	/* For reading; also a FIFO, /dev/null and what this process has open. To be read with
	 * safe_open_read(). */
	SAFE_OPEN_STREAM,
	/*
	 * For writing from the start; also a FIFO that somebody reads, a terminal, /dev/null,
	 * /dev/full and what this process has open. A file that does not exist is made. One that
	 * exists in a folder that everybody may write to must belong to this user or to the
	 * folder's owner, and have no other name.
	 */
	SAFE_OPEN_WRITE,
};

/*
 * Returns a descriptor (close-on-exec), or a negative errno for safe_open_problem(): -EINVAL for a
 * wrong kind of file, -EPERM for a file or link that somebody else may have put there, -ETIMEDOUT
 * or -ENXIO for a FIFO that nobody writes to or reads.
 */
int safe_open(const char *path, enum safe_open_kind kind);

/*
 * Reads up to `max` bytes, or up to the end. Returns how many, or a negative errno: -ETIMEDOUT if
 * the end does not come in time.
 */
ssize_t safe_open_read(int fd, char *text, size_t max);

/* What is wrong, for "FILE: ...", from the negative errno of a function above. */
const char *safe_open_problem(int err);

#endif
