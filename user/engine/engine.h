/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_H
#define TCPWATCH_ENGINE_H

#include <stdint.h>

#include "symbol/call_site.h"
#include "leak/suppressions.h"
#include "model/options.h"
#include "output/output.h"
#include "model/source.h"

struct engine;

struct engine_config {
	const struct options *options;
	struct suppressions *suppressions; /* stays the caller's; NULL = no leak is ignored */
	struct source *source;		   /* stays the caller's */
	struct output *output;		   /* stays the caller's */
	struct call_sites *sites;	   /* stays the caller's; NULL = no names for stacks */
	const char *kernel;		   /* for the start record */
	const char *targets; /* for people: "nginx[812] and 2 more"; NULL = every process */
	uint32_t self_tgid;
	/* A child of a watched process was born (-f): whoever waits for the processes' ends wants
	 * to know. */
	void (*watch_child)(void *context, uint32_t tgid);
	void *context;
};

/* All that happens between a source and an output. NULL without memory. */
struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *engine);

/* The first scan, and the start record. The source must be attached. Returns 0 or a negative errno.
 */
int engine_start(struct engine *engine);

/* Takes in what has come and does what is due. Returns 0 or a negative errno (also of the output).
 */
int engine_poll(struct engine *engine);

/* When engine_poll() has something to do even if nothing comes; the source's CLOCK_MONOTONIC. */
uint64_t engine_deadline(const struct engine *engine);

/* A watched process has ended. */
void engine_process_exited(struct engine *engine, uint32_t tgid);

/* How many leaks were reported so far. */
uint64_t engine_leaks(const struct engine *engine);

/* Takes in the rest and prints the last summary. Returns 0 or a negative errno. */
int engine_finish(struct engine *engine);

#endif
