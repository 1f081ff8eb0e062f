/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_SYMBOL_H
#define TCPWATCH_REPLAY_SYMBOL_H

#include "symbol/call_site.h"
#include "replay/field.h"

/* More functions than this are not inlined into one another. */
#define REPLAY_SYMBOL_FRAMES 16

/* What a log says of one address, in whichever process. */
struct replay_symbol {
	uint64_t ip;
	uint64_t after_ns; /* so long its names take */
	bool is_short;	   /* stacks with it are */
	size_t count;
	struct call_frame frames[REPLAY_SYMBOL_FRAMES]; /* the inlined functions first */
};

/* Reads a "symbol" line. What is wrong goes to the fields' error. Returns 0 or -ENOMEM; free with
 * replay_symbol_free() in both cases. */
int replay_symbol_read(struct replay_fields *fields, struct replay_symbol **symbol);

void replay_symbol_free(struct replay_symbol *symbol);

#endif
