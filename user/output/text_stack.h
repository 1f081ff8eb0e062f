/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_STACK_H
#define TCPWATCH_TEXT_STACK_H

#include <stdint.h>
#include <stdio.h>

#include "leak/group.h"
#include "leak/leak.h"
#include "output/text_style.h"

/* The most modules whose missing frame pointers are mentioned. */
#define TEXT_STACK_SHORT 32

/* What was printed about call sites so far. All zero: nothing. */
struct text_stack {
	unsigned char shown[LEAK_SITES_LIMIT / 8 + 1]; /* a bit for each site */
	uint64_t short_modules[TEXT_STACK_SHORT];      /* hashes of those mentioned */
	unsigned int short_count;
};

/* Writes the end of the line of a leak: "  site 3: handle_conn (server.c:118)". */
void text_stack_put_site(FILE *file, const struct text_style *style, const struct leak *leak);

/* Writes the whole call site, for a leak in one line: "  accepted at f (server.c:118) <- g ...". */
void text_stack_put_line(FILE *file, const struct text_style *style, const struct leak *leak);

/* Writes the frames of a leak under its line, if it is the first leak of its site. */
void text_stack_put(struct text_stack *stack, FILE *file, const struct text_style *style,
		    const struct leak *leak);

/* Writes the site of a group of leaks under its line in the summary, if it has one. */
void text_stack_put_group(FILE *file, const struct text_style *style,
			  const struct leak_group *group);

#endif
