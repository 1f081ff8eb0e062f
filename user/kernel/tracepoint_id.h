/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TRACEPOINT_ID_H
#define TCPWATCH_TRACEPOINT_ID_H

#include <linux/types.h>

/*
 * The number of a tracepoint ("syscalls/sys_exit_accept4"), by which perf_event_open() knows it.
 * Only tracefs has it: read where that is mounted, else from a tree of it that is mounted nowhere
 * (CAP_SYS_ADMIN). Returns 0 or a negative errno; -ENOENT where there is no such tracepoint.
 */
int tracepoint_find_id(const char *name, __u64 *id);

#endif
