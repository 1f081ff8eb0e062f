/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSION_GEN_H
#define TCPWATCH_SUPPRESSION_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "leak/leak.h"

/* Generates suppressions (docs/suppressions.md) that match the reported leaks. */
struct suppression_gen;

/* The most different suppressions that are kept. */
#define SUPPRESSION_GEN_LIMIT 1000

/* One generated suppression. */
struct suppression_made {
	char *text;		       /* "unread:^handle_conn$": plain ASCII, one line */
	uint64_t count;		       /* leaks that it was generated from */
	char comm[EVENT_COMM_LEN + 1]; /* of the first of these; "" = not known */
	enum leak_kind kind;
};

/* Returns NULL without memory. */
struct suppression_gen *suppression_gen_new(void);
void suppression_gen_free(struct suppression_gen *gen);

/* Adds a suppression for a leak that was reported. */
void suppression_gen_add(struct suppression_gen *gen, const struct leak *leak);

/* The suppression number `index`, in the order of their first leaks; NULL after the last one. */
const struct suppression_made *suppression_gen_at(const struct suppression_gen *gen, size_t index);

/* How many leaks have no suppression, because there were too many different ones, or no memory. */
uint64_t suppression_gen_left_out(const struct suppression_gen *gen);

#endif
