/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_CLIENT_H
#define TCPWATCH_SYMBOL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/wire.h"

/* Main's end of the worker: it sends one request at a time, and restarts a worker that fails. All
 * times are in ns of CLOCK_MONOTONIC. */
struct symbol_client;

enum symbol_client_result {
	CLIENT_WAITS,  /* there is nothing yet */
	CLIENT_ANSWER, /* symbol_client_answer() has it */
	CLIENT_BROKEN  /* the worker died or took too long: symbol_client_culprit() */
};

/*
 * Starts the spawner (symbol/spawner.h) and the first worker; with `debuginfod` they may download
 * debug information. Returns 0 or a negative errno; *client is untouched then. Where no process can
 * be started without rights, it says so on stderr and returns 0 with a client that is over.
 */
int symbol_client_new(struct symbol_client **client, bool debuginfod);
/* Ends the worker. NULL is allowed. */
void symbol_client_free(struct symbol_client *client);

/* A descriptor that is readable when symbol_client_run() has something to do. It stays the same
 * when the worker is restarted, and the client's. */
int symbol_client_fd(const struct symbol_client *client);
/* Whether a request may be sent now. Restarts a worker that ended, at most once a second. */
bool symbol_client_ready(struct symbol_client *client, uint64_t now_ns);
/* Whether there will be no worker any more: symbol_client_ready() stays false. */
bool symbol_client_is_over(const struct symbol_client *client);
/*
 * Sends a request, when symbol_client_ready(). `fds` has a descriptor for each has_fd and has_perf
 * of the request; they stay the caller's. Returns 0, or a negative errno after the worker was
 * stopped.
 */
int symbol_client_send(struct symbol_client *client, const struct symbol_request *request,
		       const int *fds, size_t fd_count, uint64_t now_ns);
/* Receives an answer, and checks the deadline. Never waits. */
enum symbol_client_result symbol_client_run(struct symbol_client *client, uint64_t now_ns);
/* The answer after CLIENT_ANSWER, valid until the next symbol_client_run(). */
const struct symbol_answer *symbol_client_answer(const struct symbol_client *client);
/* After CLIENT_BROKEN: the index, in the request, of the file that the worker was reading;
 * SYMBOL_NO_FILE if it was reading none. */
uint32_t symbol_client_culprit(const struct symbol_client *client);
/* When symbol_client_run() must be called even if nothing is readable; UINT64_MAX: never. */
uint64_t symbol_client_deadline(const struct symbol_client *client);

#endif
