/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_FILE_H
#define TCPWATCH_SYMBOL_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* How many programs and libraries are known. Those that no stack needs any more make room for
 * others; where all are needed, stacks in further ones get no site. */
#define SYMBOL_FILES_MAX 8192
/* How many root directories of other mount namespaces are held open. The oldest is closed first. */
#define SYMBOL_ROOTS_MAX 64

struct symbol_files;

/* A program or library of a process. It is valid as long as it has a use. */
struct symbol_file {
	const char *path; /* as the process sees it */
	uint64_t inode;
	uint32_t root; /* the path starts there: symbol_files_root() */
	uint32_t uses;
	bool is_bad; /* the worker failed on it: it is not read again */
};

/* Returns NULL without memory. */
struct symbol_files *symbol_files_new(void);
/* NULL is allowed. */
void symbol_files_free(struct symbol_files *files);

/*
 * Opens the process's root directory, and returns a number for it: 0 if it is tcpwatch's own, or
 * cannot be opened. Sets *maps to the number of the root that paths in /proc/PID/maps start from:
 * there the kernel writes files of tcpwatch's mount namespace as tcpwatch sees them.
 */
uint32_t symbol_files_root(struct symbol_files *files, uint32_t pid, uint32_t *maps);
/* Counts one use more of the file, which it adds if it is new, and returns it; NULL if there are
 * too many, or without memory. The path is copied. */
struct symbol_file *symbol_files_get(struct symbol_files *files, uint32_t root, uint64_t inode,
				     const char *path);
/* Takes back one use. NULL is allowed. */
void symbol_files_release(struct symbol_file *file);

/*
 * Opens a file for reading, by its path or, if the process `pid` still exists (0: it does not), as
 * what it has mapped at [start, end). It must be a regular file with the inode that was mapped.
 * Returns a descriptor, which the caller closes, and sets *what; or a negative errno: -ESTALE where
 * the file was replaced.
 */
int symbol_files_open(const struct symbol_files *files, const struct symbol_file *file,
		      uint32_t pid, uint64_t start, uint64_t end, struct stat *what);
/* Opens /tmp/perf-PID.map, which just-in-time compilers write. pid is the process's own view of its
 * pid. The file must belong to the user or to root. Returns a descriptor, which the caller closes,
 * or a negative errno: -EPERM where it belongs to another user. */
int symbol_files_open_perf(const struct symbol_files *files, uint32_t root, uint32_t pid,
			   uid_t user);

#endif
