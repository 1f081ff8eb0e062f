/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_UTF8_H
#define TCPWATCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the valid UTF-8 sequence that `text` (0-terminated) begins with: 1 to 4, or 0 if it
 * begins with none. Overlong forms, surrogates and code points above U+10FFFF are not valid.
 */
size_t utf8_sequence(const char *text);

/* U+FFFD, which stands for what cannot be shown. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* The most bytes that utf8_replace() makes of one. */
#define UTF8_REPLACED_LEN 3

/*
 * Copies `size` bytes (up to the first 0), with U+FFFD for each that is not part of a valid
 * sequence. `out` has room for UTF8_REPLACED_LEN times as many, and the 0 behind them. Returns the
 * length without it.
 */
size_t utf8_replace(const char *text, size_t size, char *out);

/*
 * Does the valid sequence that `text` begins with stand for something that turns the direction of
 * text around, or that one cannot see? Whatever a locale says of its width.
 */
bool utf8_is_invisible(const char *text);

#endif
