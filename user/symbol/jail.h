/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JAIL_H
#define TCPWATCH_JAIL_H

#include <stdbool.h>

/*
 * How the processes that deal with other users' programs give up their rights. Both functions
 * change the calling process for good; a process for which one fails must end.
 */

/*
 * Root becomes uid and gid 65534 without groups; another user keeps its uid. The process has no
 * capabilities afterwards, can gain none (no_new_privs, and securebits where CAP_SETPCAP allows
 * that), and cannot be read or traced by other processes of the same user. Asks the kernel whether
 * all of this is so. Returns 0, or a negative errno.
 */
int jail_give_up_rights(void);

enum jail_calls {
	JAIL_SPAWNER, /* what the spawner and its workers need */
	JAIL_WORKER   /* starts no processes and sends no signals */
};

/*
 * Limits the system calls (seccomp); all others fail with EPERM. Files can be opened for reading
 * only, and there is no network, unless libdebuginfod has to download. The filters of several calls
 * add up: what one refuses is refused. Returns 0, or a negative errno.
 */
int jail_limit_calls(enum jail_calls calls, bool debuginfod);

/* Sets the limits of a worker: address space, descriptors, no core dump. Returns 0, or a negative
 * errno. */
int jail_limit_resources(void);

/* The address space of a worker in bytes. */
#define JAIL_MEMORY_MAX (1ULL << 30)
#define JAIL_NOBODY	65534

#endif
