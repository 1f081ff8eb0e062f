/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSION_GEN_H
#define TCPWATCH_SUPPRESSION_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "leak/leak.h"

/* Makes suppressions (docs/suppressions.md) that ignore the leaks it is shown. */
struct suppression_gen;

/* More different ones than this are not kept. */
#define SUPPRESSION_GEN_LIMIT 1000

/* One of them. */
struct suppression_made {
	char *text;		       /* "unread:^handle_conn$": plain ASCII, one line */
	uint64_t count;		       /* leaks that it was made of */
	char comm[EVENT_COMM_LEN + 1]; /* of the first of these; "" = not known */
	enum leak_kind kind;
};

/* NULL without memory. */
struct suppression_gen *suppression_gen_new(void);
void suppression_gen_free(struct suppression_gen *gen);

/* This leak was reported. */
void suppression_gen_add(struct suppression_gen *gen, const struct leak *leak);

/* Number `index` in the order of their first leaks; NULL behind the last. */
const struct suppression_made *suppression_gen_at(const struct suppression_gen *gen, size_t index);

/* How many leaks have none, because there are too many different ones. */
uint64_t suppression_gen_left_out(const struct suppression_gen *gen);

#endif
