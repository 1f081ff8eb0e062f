/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_WORKER_H
#define TCPWATCH_SYMBOL_WORKER_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

/*
 * The process that reads programs and libraries of other users. A file that was made to attack
 * libdw can harm only this process, which has no capabilities, and no access to anything but the
 * descriptors that it is sent.
 */
struct symbol_worker {
	pid_t pid;		    /* 0: there is none */
	pid_t ending;		    /* an earlier worker that has not ended yet; 0: none */
	int fd;			    /* main's end of a socket for the packets of symbol/wire.h */
	_Atomic uint32_t *progress; /* shared memory: index of the file that it is reading */
};

/* How many seconds one request may take: longer where debug information is downloaded. */
#define SYMBOL_WORKER_PATIENCE_S (getenv("DEBUGINFOD_URLS") ? 120U : 10U)

/* Starts a worker that is zeroed or was stopped. Returns 0, or a negative errno with *worker
 * untouched. */
int symbol_worker_start(struct symbol_worker *worker);
/* Kills the worker. It may be started again. */
void symbol_worker_stop(struct symbol_worker *worker);

#endif
