/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_FILE_H
#define TCPWATCH_SYMBOL_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Different programs and libraries; more are not told apart, and get no names. */
#define SYMBOL_FILES_MAX 8192
/* Roots of other mount namespaces that are held open; the oldest goes. */
#define SYMBOL_ROOTS_MAX 64

struct symbol_files;

/* A program or library of a process. Lives as long as symbol_files. */
struct symbol_file {
	const char *path; /* as the process sees it */
	uint64_t inode;
	uint32_t root; /* whose path it is: symbol_files_root() */
	bool is_bad;   /* reading it ended badly: not again */
};

/* NULL without memory. */
struct symbol_files *symbol_files_new(void);
void symbol_files_free(struct symbol_files *files);

/* Notes what the process sees as its root: 0 if it is ours, or not to be had. *maps: the root of
 * the paths in its /proc/PID/maps, where the kernel names our mount namespace's files as we see
 * them. */
uint32_t symbol_files_root(struct symbol_files *files, uint32_t pid, uint32_t *maps);
/* NULL if there are too many. */
struct symbol_file *symbol_files_get(struct symbol_files *files, uint32_t root, uint64_t inode,
				     const char *path);

/*
 * Opens it for reading, by its path or, if the process is still there (pid, 0 = not), as what it
 * has mapped at [start, end). What is opened is a regular file with the inode that was mapped.
 * Returns a descriptor or a negative errno.
 */
int symbol_files_open(const struct symbol_files *files, const struct symbol_file *file,
		      uint32_t pid, uint64_t start, uint64_t end);
/* The map that a just-in-time compiler writes: pid as the process sees it; it must be the user's or
 * root's. */
int symbol_files_open_perf(const struct symbol_files *files, uint32_t root, uint32_t pid,
			   uid_t user);

#endif
