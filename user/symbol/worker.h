/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_WORKER_H
#define TCPWATCH_SYMBOL_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How many seconds one request may take: longer where debug information is downloaded. */
static inline unsigned int symbol_worker_patience_s(bool debuginfod)
{
	return debuginfod ? 120 : 10;
}

/*
 * Becomes the process that reads programs and libraries of other users, and ends with it. A file
 * that was made to attack libdw can harm only this process, which has no capabilities, few system
 * calls, and no access to anything but the descriptors that it is sent.
 *
 * The caller is a process that the spawner `parent` just forked, without rights (symbol/jail.h).
 * `fd` is the worker's end of its socket; *progress is in shared memory, and is set to the index of
 * the file that is being read.
 */
_Noreturn void symbol_worker_run(int fd, _Atomic uint32_t *progress, pid_t parent, bool debuginfod);

#endif
