// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/call_frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Whether the byte is one behind the first of a character, in UTF-8. */
static bool is_inside_character(char c)
{
	return (c & 0xc0) == 0x80;
}

const char *call_frame_cut_name(const char *name, size_t length, char *out, size_t room)
{
	size_t head = room / 3, tail;

	if (length < room) {
		memcpy(out, name, length);
		out[length] = '\0';
		return out;
	}
	tail = length - (room - head - sizeof("..."));
	while (head && is_inside_character(name[head]))
		head--;
	while (tail < length && is_inside_character(name[tail]))
		tail++;
	snprintf(out, room, "%.*s...%.*s", (int)head, name, (int)(length - tail), name + tail);
	return out;
}

const char *call_frame_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}
