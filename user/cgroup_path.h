/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CGROUP_PATH_H
#define TCPWATCH_CGROUP_PATH_H

#include <stdint.h>

/* A path has no limit; what is longer than this is cut off at its beginning. */
#define CGROUP_PATH_LEN 1024

/* Names of a cgroup, "" where not known. */
struct cgroup_names {
	char path[CGROUP_PATH_LEN]; /* in the cgroup v2 hierarchy, "/" is its root */
	char container[65];	    /* the id in the path, if there is one */
};

/* By the cgroup's id, as bpf_get_current_cgroup_id() has it. */
void cgroup_names_find(struct cgroup_names *names, uint64_t id);

/* The id of the cgroup v2 that a process is in now; 0 if it has ended, or there is none. */
uint64_t cgroup_of_process(uint32_t tgid);

/* The container id in a cgroup's path: 64 hex digits behind a slash, a dash or a colon, as Docker,
 * containerd, CRI-O and Podman write it. "" if there is none. */
void cgroup_container(const char *path, char container[65]);

#endif
