/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SHOWN_H
#define TCPWATCH_SHOWN_H

#include <stddef.h>

/* The most bytes of a text that a message shows. */
#define SHOWN_MAX 127

/* Long enough for SHOWN_MAX bytes, "..." and the 0. */
#define SHOWN_LEN (SHOWN_MAX + 4)

/*
 * The length of the UTF-8 sequence that `text` (0-terminated) begins with, if a terminal or a page
 * may show it as it is: 1 to 4. Returns 0 for control characters, invalid bytes, and characters
 * that cannot be seen or turn the direction of the text around.
 */
size_t shown_sequence(const char *text);

/*
 * Writes the first `length` bytes of `value` (0-terminated, and at least as long) as a message may
 * show them: '?' stands for each character that shown_sequence() refuses. A text of more than
 * SHOWN_MAX bytes is cut, and "..." is appended. Returns text.
 */
const char *shown(const char *value, size_t length, char text[SHOWN_LEN]);

#endif
