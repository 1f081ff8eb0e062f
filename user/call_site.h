/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_SITE_H
#define TCPWATCH_CALL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* One frame of a user stack. What is not known is NULL, and 0 for the line. */
struct call_frame {
	uint64_t ip;	      /* the return address; of an inlined function, its caller's */
	const char *function; /* demangled */
	uint64_t offset;      /* of ip in the function's code; in the module where there is none */
	const char *file;     /* of the source, as the debug information has it */
	uint32_t line;	      /* of the call */
	const char *module;   /* path of the program or library, as the process sees it */
	const char *build_id; /* of the module, in hex */
};

/* A user stack with names, innermost frame first. */
struct call_stack {
	const struct call_frame *frames;
	size_t count;
	enum event_stack_how how;
	bool is_short; /* the unwinder found no frame pointers to follow: callers are missing */
};

/*
 * Where names come from: the processes' files, or a replayed log. Stacks go by small numbers that
 * stack_table.h gives out.
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

#endif
