/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_WORKER_H
#define TCPWATCH_SYMBOL_WORKER_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

/*
 * The process that reads other people's programs and libraries: whatever is in them, it can only
 * harm this process, which may do nothing but compute.
 */
struct symbol_worker {
	pid_t pid;		    /* 0 = there is none */
	pid_t ending;		    /* one before it, which was still there; 0 = none */
	int fd;			    /* a socket of packets: symbol/wire.h */
	_Atomic uint32_t *progress; /* which file of its request it has in hand */
};

/* So long it may take for one request; the second where debug information is fetched. */
#define SYMBOL_WORKER_PATIENCE_S (getenv("DEBUGINFOD_URLS") ? 120U : 10U)

/* Starts it: zeroed, or one that was stopped. Returns 0 or a negative errno. */
int symbol_worker_start(struct symbol_worker *worker);
/* Ends it at once. */
void symbol_worker_stop(struct symbol_worker *worker);

#endif
