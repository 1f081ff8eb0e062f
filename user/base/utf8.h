/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_UTF8_H
#define TCPWATCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns the length of the valid UTF-8 sequence that `text`, which ends with a 0, begins with: 1
 * to 4, or 0 if it begins with none. Overlong forms, surrogates and code points above U+10FFFF are
 * not valid.
 */
size_t utf8_sequence(const char *text);

/* The code point of a valid sequence of `length` bytes. */
uint32_t utf8_code_point(const char *text, size_t length);

/* U+FFFD, which replaces bytes that are not valid. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* How many bytes utf8_replace() can make of one byte. */
#define UTF8_REPLACED_LEN 3

/*
 * Copies `size` bytes, or up to the first 0, with U+FFFD for each byte that is not part of a valid
 * sequence. `out` has room for UTF8_REPLACED_LEN times as many bytes and the 0 behind them. Returns
 * the length without the 0.
 */
size_t utf8_replace(const char *text, size_t size, char *out);

/*
 * Whether the character of the valid sequence that `text` begins with is invisible, or changes the
 * direction of text. This does not depend on the locale.
 */
bool utf8_is_invisible(const char *text);

#endif
