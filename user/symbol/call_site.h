/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_SITE_H
#define TCPWATCH_CALL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "symbol/call_frame.h"

/* A user stack with names. */
struct call_stack {
	const struct call_frame *frames; /* innermost first */
	size_t count;
	enum event_stack_how how;
	bool is_short; /* callers are missing: there were no frame pointers to follow */
	/* Of each frame, where processes of one program share their frames; NULL: frames[].ip */
	const uint64_t *ips;
};

/* The return address of a frame. */
static inline uint64_t call_stack_ip(const struct call_stack *stack, size_t frame)
{
	return stack->ips ? stack->ips[frame] : stack->frames[frame].ip;
}

/*
 * A source of names: the processes' files (symbol/symbolizer.h), or a replayed log
 * (replay/sites.h). Stacks are named by their numbers in symbol/stack_table.h.
 */
struct call_sites {
	const struct call_sites_ops *ops;
};

struct call_sites_ops {
	/* A process forked: the child has its parent's mappings. */
	void (*forked)(struct call_sites *sites, const struct event_fork *e);
	/* This stack was just taken for the first time. Notes what its process has mapped, as long
	 * as the process exists. Does not look up names yet. */
	void (*taken)(struct call_sites *sites, uint32_t stack, const struct event_stack *e);
	/* No socket uses this stack any more, and its number means nothing from now on. May be
	 * NULL. */
	void (*dropped)(struct call_sites *sites, uint32_t stack);
	/* How many stacks have no site because there was no room for what names need. May be
	 * NULL. */
	uint64_t (*refused)(const struct call_sites *sites);
	/* Returns the stack with its names. Returns NULL while they are being looked up, which the
	 * first call begins; the caller asks again later. It never waits. There is an answer in the
	 * end, if only one without names. The result is valid and unchanged until dropped(). */
	const struct call_stack *(*names)(struct call_sites *sites, uint32_t stack);
	/* A descriptor that is readable when run() has something to do; -1 where names() has every
	 * answer at once. */
	int (*fd)(const struct call_sites *sites);
	/* Receives answers, and sends the next requests. */
	void (*run)(struct call_sites *sites);
	void (*free)(struct call_sites *sites);
};

/*
 * The texts below contain names of other users' files, with any bytes. Use text_put_name() to print
 * them to a terminal. What is too long loses its middle.
 */

/* Writes one frame: "handle_conn (server.c:118)", "handle_conn+0x1a (server)", "server+0x1234" or
 * "0x7f0012345678". Returns text. */
#define CALL_FRAME_TEXT_LEN 112
const char *call_frame_format(const struct call_frame *frame, char text[CALL_FRAME_TEXT_LEN]);

/* The frame where a reader should begin: the innermost one of the layer that is nearest to the
 * program (symbol/call_layer.h). NULL for a stack without frames. */
const struct call_frame *call_site_frame(const struct call_stack *stack);

/* Writes "accepted at handle_conn (server.c:118) <- worker_main (server.c:240)": call_site_frame()
 * and the callers worth a mention. Returns text; "" for a stack without frames. */
#define CALL_SITE_TEXT_LEN 368
const char *call_site_format(const struct call_stack *stack, char text[CALL_SITE_TEXT_LEN]);

/* What the program did there: "accepted", "connected" or "last used". */
const char *call_site_verb(const struct call_stack *stack);

#endif
