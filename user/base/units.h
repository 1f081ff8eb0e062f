/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_UNITS_H
#define TCPWATCH_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/*
 * Parses a duration: a decimal number (a fraction is allowed, also as in ".5s") with ns, us, ms, s,
 * m, h or d; a bare number is seconds. Parts of a nanosecond are dropped. *ns is untouched on
 * failure. Returns 0, -EINVAL for anything else (signs, spaces, exponents, inf, nan, empty),
 * -ERANGE above 100 years.
 */
int duration_parse(const char *text, uint64_t *ns);

/*
 * Parses a size: bytes, or a decimal integer with K, M or G (powers of 1024). *bytes is untouched
 * on failure. Returns 0, -EINVAL or -ERANGE (does not fit 64 bits).
 */
int size_parse(const char *text, uint64_t *bytes);

/* Long enough for every duration_format() result with its 0. */
#define DURATION_TEXT_LEN 16

/*
 * Writes a duration for people, three significant digits up to 100 s, then in h, m, s or d parts:
 * "0ns", "812ns", "4.21us", "37.0ms", "1.53s", "99.9s", "3m10s", "2h05m", "3d04h", "1000d". Rounded
 * to the nearest. Never longer than 7 characters. Returns text.
 */
const char *duration_format(uint64_t ns, char text[DURATION_TEXT_LEN]);

#endif
