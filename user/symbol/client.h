/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_LINK_H
#define TCPWATCH_SYMBOL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/wire.h"

/* Main's end of the worker: one request at a time, and a watch over it. */
struct symbol_link;

enum symbol_link_news {
	LINK_WAITS,  /* nothing yet */
	LINK_ANSWER, /* symbol_link_answer() has it */
	LINK_BROKEN  /* it died, or took too long: symbol_link_culprit() */
};

/* Starts the worker. Returns 0 or a negative errno. */
int symbol_link_new(struct symbol_link **link);
void symbol_link_free(struct symbol_link *link);

/* Always the same: readable when symbol_link_run() has something to do. */
int symbol_link_fd(const struct symbol_link *link);
/* May a request be sent? Starts a worker that ended anew, but not too often. */
bool symbol_link_ready(struct symbol_link *link, uint64_t now_ns);
/* `fds`: as many as the request has has_fd and has_perf; they stay the caller's. Returns 0 or a
 * negative errno. */
int symbol_link_send(struct symbol_link *link, const struct symbol_request *request, const int *fds,
		     size_t fd_count, uint64_t now_ns);
enum symbol_link_news symbol_link_run(struct symbol_link *link, uint64_t now_ns);
const struct symbol_answer *symbol_link_answer(const struct symbol_link *link);
/* After LINK_BROKEN: the file of the request that it had in hand; SYMBOL_NO_FILE: none. */
uint32_t symbol_link_culprit(const struct symbol_link *link);
/* CLOCK_MONOTONIC: when to run even if nothing is readable; UINT64_MAX = never. */
uint64_t symbol_link_deadline(const struct symbol_link *link);

#endif
