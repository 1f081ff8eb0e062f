// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/shown.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

/* C0, DEL, and C1, which is U+0080 to U+009F. */
static bool is_control(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

	return first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0);
}

size_t shown_sequence(const char *text)
{
	size_t length = utf8_sequence(text);

	return length && !is_control(text) && !utf8_is_invisible(text) ? length : 0;
}

const char *shown(const char *value, size_t length, char text[SHOWN_LEN])
{
	const char *end = value + length;
	char *to = text;

	while (value < end) {
		size_t whole = utf8_sequence(value);
		size_t good = shown_sequence(value);

		/* The end may be inside a sequence. */
		if (!whole || value + whole > end)
			whole = 1, good = 0;
		if ((size_t)(to - text) + (good ? good : 1) > SHOWN_MAX) {
			to = stpcpy(to, "...");
			break;
		}
		if (good)
			to = mempcpy(to, value, good);
		else
			*to++ = '?';
		value += whole;
	}
	*to = '\0';
	return text;
}
