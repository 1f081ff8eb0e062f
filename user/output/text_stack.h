/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_STACK_H
#define TCPWATCH_TEXT_STACK_H

#include <stdint.h>
#include <stdio.h>

#include "leak/group.h"
#include "leak/leak.h"
#include "output/text_style.h"

/* Programs without frame pointers, of which so many are told. */
#define TEXT_STACK_SHORT 32

/* What has been said of call sites so far. All zero: nothing. */
struct text_stack {
	unsigned char shown[LEAK_SITES_LIMIT / 8 + 1]; /* a bit for each site */
	uint64_t told_short[TEXT_STACK_SHORT];	       /* hashes of modules */
	unsigned int told_count;
};

/* The end of a leak's line: "  site 3: handle_conn (server.c:118)". */
void text_stack_put_site(FILE *file, const struct text_style *style, const struct leak *leak);

/* The whole of it, for a line of its own kind: "  accepted at handle_conn (server.c:118) <- ...".
 */
void text_stack_put_line(FILE *file, const struct text_style *style, const struct leak *leak);

/* The lines under a leak: its frames, once for each site. */
void text_stack_put(struct text_stack *stack, FILE *file, const struct text_style *style,
		    const struct leak *leak);

/* The line under a group of leaks in the summary; none where it has no site. */
void text_stack_put_group(FILE *file, const struct text_style *style,
			  const struct leak_group *group);

#endif
