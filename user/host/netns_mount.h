/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_MOUNT_H
#define TCPWATCH_NETNS_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where network namespaces are mounted that exist without a process, as those of `ip netns add`. */

/* The longest path of a mount that is used. */
#define NETNS_MOUNT_PATH 256

/*
 * Opens a mounted network namespace by its inode number, for setns(). Looks at the mounts of the
 * first process, or else at tcpwatch's own; asks by host/asker.h, at most once in
 * NETNS_MOUNT_PAUSE_NS for namespaces that are not found. The descriptor may be of something else
 * by now. Returns it, which the caller closes, or a negative errno; -ENOENT if it is not mounted.
 */
#define NETNS_MOUNT_PAUSE_NS (5 * 1000 * 1000 * 1000ULL)
int netns_mount_open(uint32_t inode);

/* Reads a line of /proc/PID/mountinfo. Returns whether it is the mount of a network namespace, and
 * then sets its inode number and its path. */
bool netns_mount_parse(const char *line, uint32_t *inode, char path[NETNS_MOUNT_PATH]);

#endif
