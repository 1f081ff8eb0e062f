/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PROCESS_LIMIT_H
#define TCPWATCH_PROCESS_LIMIT_H

#include <stdint.h>
#include <stdio.h>

/* The limit of a process whose limit was never changed: INR_OPEN_CUR in include/uapi/linux/fs.h. */
#define PROCESS_LIMIT_DEFAULT 1024

/*
 * Reads how many descriptors a process may have: its soft RLIMIT_NOFILE, UINT64_MAX for
 * "unlimited". Returns 0, or a negative errno with *descriptors untouched: -ENOENT where there is
 * no such process.
 */
int process_limit_descriptors(uint32_t pid, uint64_t *descriptors);

/* The same from the lines of /proc/PID/limits. Returns -EPROTO where they do not have it. */
int process_limit_parse(FILE *limits, uint64_t *descriptors);

#endif
