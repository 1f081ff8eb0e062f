/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TRACEPOINT_ID_H
#define TCPWATCH_TRACEPOINT_ID_H

#include <linux/types.h>

/*
 * Sets *id to the number of a tracepoint, such as "syscalls/sys_exit_accept4", for
 * perf_event_open(). It is read from tracefs, where that is mounted, else from an instance that is
 * attached to no path, which needs CAP_SYS_ADMIN. Returns 0 or a negative errno; -ENOENT where
 * there is no such tracepoint.
 */
int tracepoint_find_id(const char *name, __u64 *id);

#endif
