/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESSION_PATTERN_H
#define TCPWATCH_SUPPRESSION_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A pattern as in LeakSanitizer's suppressions: it is looked for anywhere in a text, unless ^ in
 * front and $ behind tie it to the text's beginning and end; * stands for any bytes, also none.
 * Beyond that, \ before one of \ * ^ $ takes its meaning away, and \xHH is a byte.
 */
struct suppression_pattern;

/* Returns NULL and what is wrong in *wrong; NULL there: no memory. */
struct suppression_pattern *suppression_pattern_new(const char *text, size_t length,
						    const char **wrong);
void suppression_pattern_free(struct suppression_pattern *pattern);

/* An empty text matches nothing. The time is at most that of looking for each part between two *
 * once. */
bool suppression_pattern_match(const struct suppression_pattern *pattern, const char *text,
			       size_t length);

/* May it match one of the texts that are in `texts` one behind the other? Much cheaper than to ask
 * for each. */
bool suppression_pattern_may_match(const struct suppression_pattern *pattern, const char *texts,
				   size_t length);

/* The most bytes that suppression_pattern_quote() makes of one. */
#define SUPPRESSION_QUOTED_LEN 4

/* Appends to `out` what matches exactly this text within a pattern, in plain ASCII; `out` has room
 * for SUPPRESSION_QUOTED_LEN times the length, and the 0 behind. Returns the length without it. */
size_t suppression_pattern_quote(const char *text, size_t length, char *out);

#endif
