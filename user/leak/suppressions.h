/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSIONS_H
#define TCPWATCH_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leak/leak.h"

/* Leaks to ignore, in LeakSanitizer's form: docs/suppressions.md. */
struct suppressions;

/* Limits of a file. */
#define SUPPRESSIONS_SIZE_MAX (1 << 20) /* bytes */
#define SUPPRESSIONS_MAX      10000	/* lines that are neither empty nor a comment */
#define SUPPRESSION_LINE_MAX  4096	/* bytes, without the line's end */

#define SUPPRESSIONS_ERROR_LEN 512

/* One of them. */
struct suppression {
	const char *text; /* as in the file: "leak:handle_conn" */
	size_t line;	  /* where, from 1 */
	uint64_t count;	  /* leaks that it ignored */
};

/*
 * Reads a file. Returns 0, or a negative errno and in error[] what is wrong, where and what would
 * be right: -EINVAL for what is in it. *suppressions is the caller's, to be freed with
 * suppressions_free(); untouched on failure.
 */
int suppressions_read(struct suppressions **suppressions, const char *path,
		      char error[SUPPRESSIONS_ERROR_LEN]);

/* The same of a text that is there; `path` is for messages. */
int suppressions_parse(struct suppressions **suppressions, const char *text, size_t size,
		       const char *path, char error[SUPPRESSIONS_ERROR_LEN]);

void suppressions_free(struct suppressions *suppressions);

/* Is this leak to be ignored? Counts it for the first suppression that says so. */
bool suppressions_match(struct suppressions *suppressions, const struct leak *leak);

/* Number `index` in the file's order; NULL behind the last. */
const struct suppression *suppressions_at(const struct suppressions *suppressions, size_t index);

#endif
