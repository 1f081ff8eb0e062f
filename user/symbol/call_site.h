/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_SITE_H
#define TCPWATCH_CALL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "symbol/call_frame.h"

/* A user stack with names, innermost frame first. */
struct call_stack {
	const struct call_frame *frames;
	size_t count;
	enum event_stack_how how;
	bool is_short; /* the unwinder found no frame pointers to follow: callers are missing */
};

/*
 * Where names come from: the processes' files, or a replayed log. Stacks go by small numbers that
 * symbol/stack_table.h gives out.
 */
struct call_sites {
	const struct call_sites_ops *ops;
};

struct call_sites_ops {
	/* A process was born: it has its parent's mappings. */
	void (*forked)(struct call_sites *sites, const struct event_fork *e);
	/* This stack was just taken, for the first time. Cheap; notes where the process's code
	 * comes from, while the process is there. */
	void (*taken)(struct call_sites *sites, uint32_t stack, const struct event_stack *e);
	/* Its names; NULL while they are being looked up, which the first call begins: ask again a
	 * little later. Never waits. What it gives stays as it is until free. In the end there is
	 * always an answer, be it without a name. */
	const struct call_stack *(*names)(struct call_sites *sites, uint32_t stack);
	/* Readable when an answer has come: then call run(). -1 where answers need no waiting. */
	int (*fd)(const struct call_sites *sites);
	void (*run)(struct call_sites *sites);
	void (*free)(struct call_sites *sites);
};

/*
 * The texts below have names in them as they came: for a terminal, text_put_name() them. What is
 * too long is cut in its middle.
 */

/* One frame in a word or two: "handle_conn (server.c:118)", "handle_conn+0x1a (server)",
 * "server+0x1234", "0x7f0012345678". Returns text. */
#define CALL_FRAME_TEXT_LEN 112
const char *call_frame_format(const struct call_frame *frame, char text[CALL_FRAME_TEXT_LEN]);

/* Where a reader should begin: the innermost frame of the program itself, or of what is next to it:
 * a library, a language's runtime, libc. NULL for no frames. */
const struct call_frame *call_site_frame(const struct call_stack *stack);

/* "accepted at handle_conn (server.c:118) <- worker_main (server.c:240)", from call_site_frame()
 * on. Returns text; "" for no frames. */
#define CALL_SITE_TEXT_LEN 368
const char *call_site_format(const struct call_stack *stack, char text[CALL_SITE_TEXT_LEN]);

/* "accepted", "connected". */
const char *call_site_verb(const struct call_stack *stack);

#endif
