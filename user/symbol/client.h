/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_CLIENT_H
#define TCPWATCH_SYMBOL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/wire.h"

/* Main's end of the worker: one request at a time, and a watch over it. */
struct symbol_client;

enum symbol_client_result {
	CLIENT_WAITS,  /* nothing yet */
	CLIENT_ANSWER, /* symbol_client_answer() has it */
	CLIENT_BROKEN  /* it died, or took too long: symbol_client_culprit() */
};

/* Starts the worker. Returns 0 or a negative errno. */
int symbol_client_new(struct symbol_client **client);
void symbol_client_free(struct symbol_client *client);

/* Always the same: readable when symbol_client_run() has something to do. */
int symbol_client_fd(const struct symbol_client *client);
/* May a request be sent? Starts a worker that ended anew, but not too often. */
bool symbol_client_ready(struct symbol_client *client, uint64_t now_ns);
/* `fds`: as many as the request has has_fd and has_perf; they stay the caller's. Returns 0 or a
 * negative errno. */
int symbol_client_send(struct symbol_client *client, const struct symbol_request *request,
		       const int *fds, size_t fd_count, uint64_t now_ns);
enum symbol_client_result symbol_client_run(struct symbol_client *client, uint64_t now_ns);
const struct symbol_answer *symbol_client_answer(const struct symbol_client *client);
/* After CLIENT_BROKEN: the file of the request that it had in hand; SYMBOL_NO_FILE: none. */
uint32_t symbol_client_culprit(const struct symbol_client *client);
/* CLOCK_MONOTONIC: when to run even if nothing is readable; UINT64_MAX = never. */
uint64_t symbol_client_deadline(const struct symbol_client *client);

#endif
