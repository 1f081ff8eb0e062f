// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The table of well-formed byte sequences, Unicode 15.0 section 3.9, table 3-7. */
size_t utf8_sequence(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if (s[0] == 0xe0 && s[1] < 0xa0)
			return 0;
		if (s[0] == 0xed && s[1] > 0x9f)
			return 0;
		return is_tail(s[1]) && is_tail(s[2]) ? 3 : 0;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (s[0] == 0xf0 && s[1] < 0x90)
			return 0;
		if (s[0] == 0xf4 && s[1] > 0x8f)
			return 0;
		return is_tail(s[1]) && is_tail(s[2]) && is_tail(s[3]) ? 4 : 0;
	}
	return 0;
}

size_t utf8_replace(const char *text, size_t size, char *out)
{
	static const char replacement[] = {'\xef', '\xbf', '\xbd'};
	size_t written = 0, length;

	for (size_t at = 0; at < size && text[at]; at += length) {
		char bytes[5] = {0}; /* what is cut off is no sequence */

		memcpy(bytes, text + at, size - at < 4 ? size - at : 4);
		length = utf8_sequence(bytes);
		if (length) {
			memcpy(out + written, bytes, length);
			written += length;
		} else {
			memcpy(out + written, replacement, sizeof(replacement));
			written += sizeof(replacement);
			length = 1;
		}
	}
	out[written] = '\0';
	return written;
}
