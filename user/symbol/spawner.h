/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SPAWNER_H
#define TCPWATCH_SPAWNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A small process that starts the workers. It is forked while tcpwatch can still change its user,
 * gives up its rights for good, and has no more than a socket to tcpwatch. Every worker is its
 * child, so also one that is started days later has no rights that it would have to give up.
 *
 * The alternative was to let tcpwatch keep CAP_SETUID and CAP_SETGID; with them, every defect in
 * the code between fork() and setresuid() would be one in a process of root.
 *
 * When tcpwatch ends, the spawner kills the worker and ends: it sees its socket closed, or is
 * killed itself, and the worker with it (PR_SET_PDEATHSIG).
 */
struct symbol_spawner {
	pid_t pid;		    /* 0: there is none */
	int fd;			    /* tcpwatch's end of a socket */
	uint32_t starts;	    /* how many workers were asked for */
	_Atomic uint32_t *progress; /* shared memory, SPAWNER_SLOTS numbers */
};

/* Each worker has a number of its own in the shared memory, also while an earlier one ends. */
#define SPAWNER_SLOTS 64

/*
 * Starts the spawner, waits until it has given up its rights, and fills *spawner. With `debuginfod`
 * its workers may download debug information. Returns 0, or a negative errno with *spawner
 * untouched: -EPERM if it could not give them up, and has ended.
 */
int symbol_spawner_start(struct symbol_spawner *spawner, bool debuginfod);
/* Ends the spawner and its workers. */
void symbol_spawner_stop(struct symbol_spawner *spawner);

/*
 * Asks for a worker, and kills an earlier one. Sets *fd to this end of its socket (symbol/wire.h),
 * which the caller closes, and *progress to where it writes which file of the request it is
 * reading. Never waits: where the spawner fails, the socket is closed at its other end. Returns 0;
 * -EPIPE if there is no spawner any more; or another negative errno.
 */
int symbol_spawner_ask(struct symbol_spawner *spawner, int *fd, _Atomic uint32_t **progress);
/* Asks the spawner to kill the worker, in whatever state that is. Never waits. */
void symbol_spawner_kill(struct symbol_spawner *spawner);

#endif
