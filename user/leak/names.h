/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_NAMES_H
#define TCPWATCH_LEAK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/call_site.h"
#include "base/units.h"

/* A leak waits so long for the names of its stack, and is then reported without. */
#define LEAK_NAMES_WAIT (2 * NS_PER_S)

struct names_wait;

/* Asks for the names of stacks and knows how long each is waited for. All zero: there are none. */
struct leak_names {
	/* As in symbol/call_site.h; NULL = no stacks. */
	const struct call_stack *(*ask)(void *context, uint32_t stack);
	void *context;
	struct names_wait *waits; /* by stack: asked for, and not there yet */
};

/* The names of a stack (0: none is known). NULL: there are none; or, with *wait, not yet: ask again
 * a little later. */
const struct call_stack *leak_names_get(struct leak_names *names, uint32_t stack, uint64_t now_ns,
					bool *wait);

/* Is there a stack whose names are still worth waiting for? Asks for them all again. */
bool leak_names_outstanding(struct leak_names *names, uint64_t now_ns);

void leak_names_clear(struct leak_names *names);

#endif
