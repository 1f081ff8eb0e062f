/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CGROUP_PATH_H
#define TCPWATCH_CGROUP_PATH_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes of a path, with its 0. The kernel sets no limit; a longer path loses its
 * beginning. */
#define CGROUP_PATH_LEN 1024

/* The hex digits of a container id, and the 0 behind them. */
#define CGROUP_CONTAINER_LEN 65

/*
 * Reads the path of a process's cgroup in the cgroup v2 hierarchy from /proc/PID/cgroup: "/" is the
 * root of tcpwatch's cgroup namespace, paths outside of it begin with "/..". A cgroup that was
 * removed keeps its path. Returns 0, or a negative errno with the path "": -ENOENT where the
 * process has ended, or there is no cgroup v2.
 */
int cgroup_path_read(uint32_t tgid, char path[CGROUP_PATH_LEN]);

/* The same from the text of such a file, which may have any bytes. size: of the text without a 0 at
 * its end. */
int cgroup_path_parse(const char *text, size_t size, char path[CGROUP_PATH_LEN]);

/* Writes the container id in a cgroup's path: 64 hex digits behind a slash, a dash or a colon, as
 * Docker, containerd, CRI-O and Podman write it; the last one of several. Writes "" if there is
 * none. */
void cgroup_container(const char *path, char container[CGROUP_CONTAINER_LEN]);

#endif
