/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CGROUP_PATH_H
#define TCPWATCH_CGROUP_PATH_H

#include <stddef.h>
#include <stdint.h>

/* A path has no limit; of what is longer than this the beginning is left out. */
#define CGROUP_PATH_LEN 1024

/* The hex digits of a container id, and the 0 behind them. */
#define CGROUP_CONTAINER_LEN 65

/*
 * The path of a process's cgroup in the cgroup v2 hierarchy, as /proc/PID/cgroup has it: "/" is the
 * root of our own cgroup namespace, and what is outside of it begins with "/..". A cgroup that was
 * removed keeps its path. Returns 0, or a negative errno with path "": -ENOENT where the process
 * has ended, or there is no cgroup v2.
 */
int cgroup_path_read(uint32_t tgid, char path[CGROUP_PATH_LEN]);

/* The same from the text of such a file, which is not trusted; size is without the 0 at its end. */
int cgroup_path_parse(const char *text, size_t size, char path[CGROUP_PATH_LEN]);

/* The container id in a cgroup's path: 64 hex digits behind a slash, a dash or a colon, as Docker,
 * containerd, CRI-O and Podman write it. "" if there is none. */
void cgroup_container(const char *path, char container[CGROUP_CONTAINER_LEN]);

#endif
