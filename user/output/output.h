/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OUTPUT_H
#define TCPWATCH_OUTPUT_H

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "finding/finding.h"
#include "leak/leak.h"
#include "model/options.h"
#include "output/view.h"

/* What is printed when everything is attached and the first scan is done. */
struct output_start {
	const char *version;
	const char *kernel; /* release, as of uname -r */
	feature_set features;
	const struct options *options;
	const char *targets;	 /* "nginx[812], node[815]"; NULL: every process */
	uint32_t netns;		 /* the usual network namespace: text names all others; 0: none */
	size_t sockets_found;	 /* of the watched processes */
	size_t close_wait_found; /* of those, in CLOSE_WAIT */
};

/* One format of output. It prints what it has a use for. */
struct output {
	const struct output_ops *ops;
	FILE *file;
	struct clock clock; /* the engine keeps it up to date */
};

struct output_ops {
	/* A time_ns or now_ns is CLOCK_MONOTONIC. Errors stay in the stream: see output_flush(). */
	void (*start)(struct output *output, const struct output_start *start, uint64_t now_ns);
	void (*change)(struct output *output, const struct change *change);
	void (*accepted)(struct output *output, const struct accepted *accepted);
	void (*leak)(struct output *output, const struct leak *leak);
	void (*leak_end)(struct output *output, const struct leak_end *end);
	/* What was lost so far, called repeatedly. NULL: only the end prints it. */
	void (*losses)(struct output *output, const struct ledger *ledger, uint64_t now_ns);
	void (*finding)(struct output *output, const struct finding *finding);
	void (*summary)(struct output *output, const struct view *view);
	void (*end)(struct output *output, const struct view *view);
	void (*free)(struct output *output);
};

/*
 * The functions below return NULL without memory. The caller frees the output with ops->free(), and
 * keeps the file.
 */

/* Text for people, with colour on a terminal. */
struct output *output_text_new(FILE *file);

/* The same text, but with each leak in one line. */
struct output *output_lines_new(FILE *file);

/* Sets the usual network namespace of an output of text that gets no start. */
void output_text_set_netns(struct output *text, uint32_t netns);

/* The log of tcpwatch in the background: only problems and their ends. */
struct output *output_log_new(FILE *file);

/* JSON Lines. */
struct output *output_json_new(FILE *file);

/* Writes out what is buffered. Returns 0 or a negative errno, -EPIPE after the reader has gone. */
static inline int output_flush(struct output *output)
{
	errno = 0;
	if (!fflush(output->file) && !ferror(output->file))
		return 0;
	return errno ? -errno : -EIO;
}

#endif
