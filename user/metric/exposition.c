// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/utf8.h"

#define GROW_AT_LEAST (64 * 1024)

static void put(struct metric_text *text, const char *data, size_t size)
{
	if (text->no_memory)
		return;
	if (text->capacity - text->size < size) {
		size_t capacity = text->capacity * 2 + size + GROW_AT_LEAST;
		char *grown = realloc(text->data, capacity);

		if (!grown) {
			text->no_memory = true;
			return;
		}
		text->data = grown;
		text->capacity = capacity;
	}
	memcpy(text->data + text->size, data, size);
	text->size += size;
}

static void put_string(struct metric_text *text, const char *string)
{
	put(text, string, strlen(string));
}

void metric_family(struct metric_text *text, const char *name, enum metric_type type,
		   const char *help)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	const char *total = type == METRIC_COUNTER && !text->open_metrics ? "_total" : "";

	put_string(text, "# HELP ");
	put_string(text, name);
	put_string(text, total);
	put_string(text, " ");
	put_string(text, help);
	put_string(text, "\n# TYPE ");
	put_string(text, name);
	put_string(text, total);
	put_string(text, " ");
	put_string(text, types[type]);
	put_string(text, "\n");
}

void metric_name(struct metric_text *text, const char *name, const char *suffix)
{
	put_string(text, name);
	put_string(text, suffix);
}

void metric_labels_text(struct metric_text *text, const char *labels, size_t size)
{
	if (size) {
		put(text, "{", 1);
		put(text, labels, size);
		put(text, "}", 1);
	}
	put(text, " ", 1);
}

void metric_bucket(struct metric_text *text, const char *name, const char *labels, size_t size,
		   const char *bound)
{
	put_string(text, name);
	put_string(text, "_bucket{");
	put(text, labels, size);
	put_string(text, size ? ",le=\"" : "le=\"");
	put_string(text, bound);
	put_string(text, "\"} ");
}

/* Writes the digits of value before `end`, at least `least` of them; returns their beginning. */
static char *digits(char *end, uint64_t value, int least)
{
	while (value || least > 0) {
		*--end = (char)('0' + value % 10);
		value /= 10;
		least--;
	}
	return end;
}

void metric_value_u64(struct metric_text *text, uint64_t value)
{
	char line[24];
	char *end = line + sizeof(line);
	char *begin;

	*--end = '\n';
	begin = digits(end, value, 1);
	put(text, begin, (size_t)(line + sizeof(line) - begin));
}

void metric_value_seconds(struct metric_text *text, uint64_t ns)
{
	char line[32];
	char *end = line + sizeof(line);
	char *begin;

	*--end = '\n';
	begin = digits(end, ns % NS_PER_S, 9);
	*--begin = '.';
	begin = digits(begin, ns / NS_PER_S, 1);
	put(text, begin, (size_t)(line + sizeof(line) - begin));
}

void metric_text_end(struct metric_text *text)
{
	if (text->open_metrics)
		put_string(text, "# EOF\n");
}

/* Writes one character of a value in its escaped form to `out`; returns its length, and the bytes
 * that were read in *used. */
static size_t escape(const char *value, size_t left, char out[4], size_t *used)
{
	char bytes[5] = {0}; /* a sequence that is cut off is not valid */
	size_t length;

	memcpy(bytes, value, left < 4 ? left : 4);
	length = utf8_sequence(bytes);
	if (!length || length > left) {
		*used = 1;
		return (size_t)((char *)mempcpy(out, UTF8_REPLACEMENT, UTF8_REPLACED_LEN) - out);
	}
	*used = length;
	if (length == 1 && (*value == '"' || *value == '\\' || *value == '\n')) {
		out[0] = '\\';
		out[1] = *value;
		if (*value == '\n')
			out[1] = 'n';
		return 2;
	}
	memcpy(out, value, length);
	return length;
}

size_t metric_label_add(char *labels, size_t size, size_t capacity, const char *name,
			const char *value, size_t value_size)
{
	size_t name_size = strlen(name), begin = size, at = size;
	char out[4];

	/* The comma, the equals sign and two quotes. */
	if (capacity - size < name_size + 4)
		return size;
	if (at)
		labels[at++] = ',';
	for (size_t i = 0; i < name_size; i++)
		labels[at++] = name[i];
	labels[at++] = '=';
	labels[at++] = '"';
	while (value_size) {
		size_t used, length = escape(value, value_size, out, &used);

		if (capacity - at < length + 1)
			return begin;
		memcpy(labels + at, out, length);
		at += length;
		value += used;
		value_size -= used;
	}
	if (capacity - at < 1)
		return begin;
	labels[at++] = '"';
	return at;
}
