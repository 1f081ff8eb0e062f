/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSION_PATTERN_H
#define TCPWATCH_SUPPRESSION_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A pattern as in LeakSanitizer's suppressions: it matches anywhere in a text, unless ^ at the
 * beginning and $ at the end tie it to the beginning and end of the text; * matches any bytes, also
 * none. In addition, \ before one of \ * ^ $ makes it an ordinary character, and \xHH is a byte.
 */
struct suppression_pattern;

/* Returns NULL on failure; *wrong then says what is wrong with the text, or is NULL without memory.
 */
struct suppression_pattern *suppression_pattern_new(const char *text, size_t length,
						    const char **wrong);
void suppression_pattern_free(struct suppression_pattern *pattern);

/* Whether the pattern matches; an empty text is matched by none. Takes at most the time of
 * searching once for each part between two *. */
bool suppression_pattern_match(const struct suppression_pattern *pattern, const char *text,
			       size_t length);

/* Whether the pattern may match one of several texts, which are in `texts` without separators. Much
 * faster than matching each of them. */
bool suppression_pattern_may_match(const struct suppression_pattern *pattern, const char *texts,
				   size_t length);

/* The most bytes that suppression_pattern_quote() writes for one byte. */
#define SUPPRESSION_QUOTED_LEN 4

/* Writes a pattern to `out` that matches exactly this text, in printable ASCII. `out` has room for
 * SUPPRESSION_QUOTED_LEN times the length and a terminating 0. Returns the length without the 0. */
size_t suppression_pattern_quote(const char *text, size_t length, char *out);

#endif
