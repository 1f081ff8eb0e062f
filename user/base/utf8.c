// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/utf8.h"

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

uint32_t utf8_code_point(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t code = length == 1 ? s[0] : s[0] & (0x7fu >> length);

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

size_t utf8_replace(const char *text, size_t size, char *out)
{
	size_t written = 0, length;

	for (size_t at = 0; at < size && text[at]; at += length) {
		char bytes[5] = {0}; /* a sequence that is cut off is not valid */

		memcpy(bytes, text + at, size - at < 4 ? size - at : 4);
		length = utf8_sequence(bytes);
		if (length) {
			memcpy(out + written, bytes, length);
			written += length;
		} else {
			memcpy(out + written, UTF8_REPLACEMENT, UTF8_REPLACED_LEN);
			written += UTF8_REPLACED_LEN;
			length = 1;
		}
	}
	out[written] = '\0';
	return written;
}

/* The general category Cf of Unicode 15.0, without the signs that enclose numbers, which are
 * visible; and separators, fillers and blanks that are no spaces. In ascending order. */
static const struct {
	uint32_t first, last;
} invisible[] = {
	{0xad, 0xad},	    {0x34f, 0x34f},	{0x61c, 0x61c},	    {0x115f, 0x1160},
	{0x17b4, 0x17b5},   {0x180b, 0x180f},	{0x200b, 0x200f},   {0x2028, 0x202e},
	{0x2060, 0x206f},   {0x2800, 0x2800},	{0x3164, 0x3164},   {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff0, 0xfffb},   {0x13430, 0x1345f},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool utf8_is_invisible(const char *text)
{
	uint32_t code = utf8_code_point(text, utf8_sequence(text));

	for (size_t i = 0; i < sizeof(invisible) / sizeof(*invisible); i++)
		if (code >= invisible[i].first && code <= invisible[i].last)
			return true;
	return false;
}
