/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_UNITS_H
#define TCPWATCH_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/*
 * Parses a duration: a decimal number, which may have a fraction (".5s" too), with the unit ns, us,
 * ms, s, m, h or d; a bare number is seconds. Fractions of a nanosecond are dropped. Returns 0;
 * -EINVAL for all other texts (signs, spaces, exponents, inf, nan, ""); -ERANGE above 100 years.
 * *ns is untouched on failure.
 */
int duration_parse(const char *text, uint64_t *ns);

/*
 * Parses a size: a decimal integer, in bytes or with K, M or G (powers of 1024). Returns 0;
 * -EINVAL; or -ERANGE where it does not fit 64 bits. *bytes is untouched on failure.
 */
int size_parse(const char *text, uint64_t *bytes);

/* Room for every result of duration_format() with its 0. */
#define DURATION_TEXT_LEN 16

/*
 * Writes a duration for people, rounded to the nearest: with three significant digits up to 100 s,
 * then by minutes and seconds, hours and minutes, or days and hours. Examples: "0ns", "812ns",
 * "4.21us", "37.0ms", "1.53s", "99.9s", "3m10s", "2h05m", "3d04h", "1000d". It is never longer
 * than 7 characters. Returns text.
 */
const char *duration_format(uint64_t ns, char text[DURATION_TEXT_LEN]);

#endif
