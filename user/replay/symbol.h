/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_SYMBOL_H
#define TCPWATCH_REPLAY_SYMBOL_H

#include "symbol/call_site.h"
#include "replay/field.h"

/* The most functions at one address: one and those that are inlined into it. */
#define REPLAY_SYMBOL_FRAMES 16

/* The names of one address in a log, in every process. */
struct replay_symbol {
	uint64_t ip;
	uint64_t after_ns; /* how long it takes to find the names */
	bool is_short;	   /* a stack with this address is short */
	size_t count;
	struct call_frame frames[REPLAY_SYMBOL_FRAMES]; /* the inlined functions first */
};

/* Reads a "symbol" line; a fault goes to the error of `fields`. Returns 0 or -ENOMEM. In both cases
 * the caller frees *symbol with replay_symbol_free(). */
int replay_symbol_read(struct replay_fields *fields, struct replay_symbol **symbol);

void replay_symbol_free(struct replay_symbol *symbol);

#endif
