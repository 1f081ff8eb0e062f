/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_CONFIG_H
#define TCPWATCH_ENGINE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "leak/suppressions.h"
#include "model/options.h"
#include "model/source.h"
#include "output/output.h"
#include "symbol/call_site.h"

/* What an engine is made of. All of it stays the caller's and must outlive the engine. */
struct engine_config {
	const struct options *options;
	struct suppressions *suppressions; /* NULL: no leak is ignored */
	struct source *source;		   /* attached before engine_start() */
	struct output *output;
	struct call_sites *sites; /* NULL: stacks get no names */
	const char *kernel;	  /* release, for the start record */
	const char *targets;	  /* for people: "nginx[812], node[815]"; NULL: every process */
	uint32_t netns;		  /* the usual network namespace of addresses; 0: none is */
	uint32_t self_tgid;
	/* As in struct intake (engine/intake.h). */
	bool (*watch_child)(void *context, uint32_t tgid);
	void *context;
};

#endif
