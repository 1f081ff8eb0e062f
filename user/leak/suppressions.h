/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSIONS_H
#define TCPWATCH_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leak/leak.h"

/* The leaks to ignore, in the format of LeakSanitizer (docs/suppressions.md), and how often each
 * suppression was used. */
struct suppressions;

/* Limits of a file. */
#define SUPPRESSIONS_SIZE_MAX (1 << 20) /* bytes */
#define SUPPRESSIONS_MAX      10000	/* lines that are neither empty nor a comment */
#define SUPPRESSION_LINE_MAX  4096	/* bytes, without the end of the line */

/* Bytes of an error message, with the terminating 0. */
#define SUPPRESSIONS_ERROR_LEN 512

/* One suppression. */
struct suppression {
	const char *text; /* as in the file: "leak:handle_conn" */
	size_t line;	  /* its line, from 1 */
	uint64_t count;	  /* leaks that it ignored */
};

/*
 * Reads a file. Returns 0, and the caller frees *suppressions with suppressions_free(). On failure
 * returns a negative errno, which is -EINVAL if the content is wrong, and error[] says what is
 * wrong, where, and what would be right; *suppressions is untouched.
 */
int suppressions_read(struct suppressions **suppressions, const char *path,
		      char error[SUPPRESSIONS_ERROR_LEN]);

/* Reads a file whose content is in memory; `path` is for messages only. */
int suppressions_parse(struct suppressions **suppressions, const char *text, size_t size,
		       const char *path, char error[SUPPRESSIONS_ERROR_LEN]);

void suppressions_free(struct suppressions *suppressions);

/* Whether the leak is ignored. Counts it for the first suppression that matches. Without memory it
 * is not ignored. */
bool suppressions_match(struct suppressions *suppressions, const struct leak *leak);

/* The suppression number `index`, in the order of the file; NULL after the last one. */
const struct suppression *suppressions_at(const struct suppressions *suppressions, size_t index);

#endif
