// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/suppression_pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes between two *, never empty. */
struct part {
	uint32_t start; /* in bytes[] */
	uint32_t length;
};

struct suppression_pattern {
	bool at_start; /* the first part must be at the beginning of the text */
	bool at_end;   /* the last part must be at its end */
	size_t part_count;
	size_t longest; /* index of the longest part */
	struct part *parts;
	char *bytes;
};

struct reader {
	const char *text;
	size_t length;
	size_t at;
	const char *wrong;
	uint32_t written; /* to bytes[] */
	bool any;	  /* there was something to match */
};

/* Whether the character has a meaning in a pattern. */
static bool is_special(char c)
{
	return c && strchr("\\*^$", c);
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte for the escape sequence that begins at reader->at; 0 if it is none. */
static char escaped(struct reader *reader)
{
	const char *text = reader->text + reader->at + 1;
	size_t left = reader->length - reader->at - 1;
	int byte;

	if (left && is_special(*text)) {
		reader->at++;
		return *text;
	}
	if (left < 3 || *text != 'x' || hex_of(text[1]) < 0 || hex_of(text[2]) < 0) {
		reader->wrong = "\\ is followed by one of \\ * ^ $, or is \\xHH, a byte in hex";
		return 0;
	}
	reader->at += 3;
	byte = hex_of(text[1]) * 16 + hex_of(text[2]);
	if (!byte)
		reader->wrong = "\\x00 is in no name";
	return (char)byte;
}

static void part_end(struct suppression_pattern *pattern, const struct reader *reader)
{
	struct part *part = &pattern->parts[pattern->part_count];

	part->length = reader->written - part->start;
	if (!part->length)
		return;
	if (part->length > pattern->parts[pattern->longest].length)
		pattern->longest = pattern->part_count;
	pattern->part_count++;
}

static void part_begin(struct suppression_pattern *pattern, const struct reader *reader)
{
	pattern->parts[pattern->part_count].start = reader->written;
}

static void read_all(struct suppression_pattern *pattern, struct reader *reader)
{
	bool star = false;

	if (reader->length && *reader->text == '^') {
		pattern->at_start = true;
		reader->at++;
	}
	part_begin(pattern, reader);
	for (; reader->at < reader->length && !reader->wrong; reader->at++) {
		char c = reader->text[reader->at];

		if (c == '$' && reader->at + 1 == reader->length) {
			pattern->at_end = !star;
			continue;
		}
		star = c == '*';
		pattern->at_start &= reader->any || !star;
		reader->any = true;
		if (star) {
			part_end(pattern, reader);
			part_begin(pattern, reader);
		} else {
			if (c == '\\')
				c = escaped(reader);
			pattern->bytes[reader->written++] = c;
		}
	}
	part_end(pattern, reader);
}

struct suppression_pattern *suppression_pattern_new(const char *text, size_t length,
						    const char **wrong)
{
	struct suppression_pattern *pattern = calloc(1, sizeof(*pattern));
	struct reader reader = {.text = text, .length = length};
	size_t stars = 0;

	*wrong = NULL;
	if (!pattern)
		return NULL;
	for (size_t i = 0; i < length; i++)
		stars += text[i] == '*';
	pattern->parts = calloc(stars + 1, sizeof(*pattern->parts));
	pattern->bytes = malloc(length ? length : 1);
	if (!pattern->parts || !pattern->bytes)
		goto fail;
	read_all(pattern, &reader);
	*wrong = reader.wrong;
	if (!*wrong && !reader.any)
		*wrong = "there is no pattern: a name, an address or *";
	if (!*wrong)
		return pattern;
fail:
	suppression_pattern_free(pattern);
	return NULL;
}

void suppression_pattern_free(struct suppression_pattern *pattern)
{
	if (!pattern)
		return;
	free(pattern->parts);
	free(pattern->bytes);
	free(pattern);
}

static bool begins_with(const char *text, size_t length, const char *part, size_t part_length)
{
	return part_length <= length && !memcmp(text, part, part_length);
}

/* Taking the first place of each part leaves the most text for the parts after it, so no part is
 * searched for twice. */
bool suppression_pattern_match(const struct suppression_pattern *pattern, const char *text,
			       size_t length)
{
	const char *end = text + length;
	size_t last = pattern->part_count - (pattern->at_end ? 1 : 0);

	if (!length)
		return false;
	for (size_t i = 0; i < pattern->part_count; i++) {
		const char *part = pattern->bytes + pattern->parts[i].start;
		size_t part_length = pattern->parts[i].length;
		size_t left = (size_t)(end - text);
		bool tied = i == 0 && pattern->at_start;

		if (i == last) {
			if (part_length > left || (tied && part_length != left))
				return false;
			return !memcmp(end - part_length, part, part_length);
		}
		if (tied)
			text = begins_with(text, left, part, part_length) ? text : NULL;
		else
			text = memmem(text, left, part, part_length);
		if (!text)
			return false;
		text += part_length;
	}
	return true;
}

bool suppression_pattern_may_match(const struct suppression_pattern *pattern, const char *texts,
				   size_t length)
{
	const struct part *part = &pattern->parts[pattern->longest];

	return !pattern->part_count ||
	       memmem(texts, length, pattern->bytes + part->start, part->length);
}

size_t suppression_pattern_quote(const char *text, size_t length, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool at_edge = i == 0 || i + 1 == length;

		if (is_special((char)c)) {
			out[written++] = '\\';
			out[written++] = (char)c;
		} else if (c < ' ' || c > '~' || (c == ' ' && at_edge)) {
			written += (size_t)snprintf(out + written, 5, "\\x%02x", c);
		} else {
			out[written++] = (char)c;
		}
	}
	out[written] = '\0';
	return written;
}
