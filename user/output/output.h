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

/* What is said once everything is attached and the first scan is done. */
struct output_start {
	const char *version;
	const char *kernel; /* release, as of uname -r */
	feature_set features;
	const struct options *options;
	const char *targets;	 /* for people: "nginx[812], 2 more"; NULL: every process */
	size_t sockets_found;	 /* of the watched processes */
	size_t close_wait_found; /* of those, in CLOSE_WAIT */
};

/* One way to print; picks what it shows. */
struct output {
	const struct output_ops *ops;
	FILE *file;
	struct clock clock; /* kept up to date by the engine */
};

struct output_ops {
	void (*start)(struct output *output, const struct output_start *start, uint64_t now_ns);
	void (*change)(struct output *output, const struct change *change);
	void (*accepted)(struct output *output, const struct accepted *accepted);
	void (*leak)(struct output *output, const struct leak *leak);
	void (*leak_end)(struct output *output, const struct leak_end *end);
	/* What was lost so far, again and again. NULL: it is in the end. */
	void (*losses)(struct output *output, const struct ledger *ledger, uint64_t now_ns);
	void (*finding)(struct output *output, const struct finding *finding);
	void (*summary)(struct output *output, const struct view *view);
	void (*end)(struct output *output, const struct view *view);
	void (*free)(struct output *output);
};

/* For people. Colour only on a terminal and without NO_COLOR. NULL without memory; free with
 * ops->free. */
struct output *output_text_new(FILE *file);

/* The same, but with each leak on one line. */
struct output *output_lines_new(FILE *file);

/* The same of a program in the background: problems and their ends, and nothing else. */
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
