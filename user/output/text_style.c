// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/utf8.h"

struct text_style text_style_of(FILE *file)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (struct text_style){
		.colour = isatty(fileno(file)) && !(no_color && *no_color) && term &&
			  strcmp(term, "dumb") != 0,
		.unicode = !strcmp(nl_langinfo(CODESET), "UTF-8"),
	};
}

const char *text_bold(const struct text_style *style)
{
	return style->colour ? "\033[1m" : "";
}

const char *text_red(const struct text_style *style)
{
	return style->colour ? "\033[1;31m" : "";
}

const char *text_dim(const struct text_style *style)
{
	return style->colour ? "\033[2m" : "";
}

const char *text_plain(const struct text_style *style)
{
	return style->colour ? "\033[0m" : "";
}

/* The width of a character on a terminal. It is less than 1 for what must not be printed as it is:
 * control characters, marks that turn the direction of text around, and others without width. */
static int columns_of(const struct text_style *style, const char *text, size_t length)
{
	mbstate_t state = {0};
	wchar_t character;

	if (length == 1)
		return *text >= 0x20 && *text != 0x7f;
	if (!style->unicode || utf8_is_invisible(text) ||
	    mbrtowc(&character, text, length, &state) != length)
		return 0;
	return wcwidth(character);
}

int text_padding(const struct text_style *style, const char *text, int columns)
{
	while (*text) {
		size_t length = utf8_sequence(text);

		columns -= length ? columns_of(style, text, length) : 1;
		text += length ? length : 1;
	}
	return columns > 0 ? columns : 0;
}

/* The length of the next character of a name if it may be printed as it is; otherwise 0. */
static size_t shown_length(const struct text_style *style, const char *name)
{
	size_t length = utf8_sequence(name);

	return length && columns_of(style, name, length) > 0 ? length : 0;
}

static const char *skip(const char *name)
{
	size_t length = utf8_sequence(name);

	return name + (length ? length : 1);
}

void text_put_name(const struct text_style *style, FILE *file, const char *name)
{
	for (; *name; name = skip(name)) {
		size_t length = shown_length(style, name);

		if (length)
			fwrite(name, 1, length, file);
		else
			putc('?', file);
	}
}

const char *text_process(const struct text_style *style, const struct process *process,
			 char text[PROCESS_TEXT_LEN])
{
	const char *from = process ? process->comm : "(unknown)";
	char *to = text;

	for (; *from; from = skip(from)) {
		size_t length = shown_length(style, from);

		if (length)
			to = mempcpy(to, from, length);
		else
			*to++ = '?';
	}
	*to = '\0';
	if (process && process->tgid)
		snprintf(to, PROCESS_TEXT_LEN - (size_t)(to - text), "[%u]", process->tgid);
	else if (process && process->alike)
		snprintf(to, PROCESS_TEXT_LEN - (size_t)(to - text), "[%u processes]",
			 process->alike);
	else if (process && process->merged)
		snprintf(to, PROCESS_TEXT_LEN - (size_t)(to - text), "[%u ended]", process->merged);
	return text;
}

const char *text_count(uint64_t count, char text[COUNT_TEXT_LEN])
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	char *to = text;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

void text_put_netns(const struct text_style *style, FILE *file, uint32_t netns)
{
	if (style->netns && netns && netns != style->netns)
		fprintf(file, " netns %u", netns);
}

void text_put_mode(FILE *file, feature_set features)
{
	const char *separator = ", not seen here: ";

	fprintf(file, "Mode: %s", feature_mode(features));
	for (int i = 0; i < FEATURES; i++) {
		if (!feature_is_missing(features, (enum feature)i))
			continue;
		fprintf(file, "%s%s", separator, feature_infos[i].name);
		separator = ", ";
	}
	fputs(feature_any_missing(features) ? " (see tcpwatch --features).\n" : ".\n", file);
}

/* The axis has 40 octaves from 2^10 ns. A column has 2.5 octaves, so that four columns are a factor
 * of 1024. */
static size_t column_of(size_t bucket)
{
	size_t column;

	if (!bucket)
		return 0;
	column = (bucket - 1) * 2 / (5 << HISTOGRAM_SUB_BITS);
	return column < PICTURE_COLUMNS ? column : PICTURE_COLUMNS - 1;
}

const char *text_picture(const struct text_style *style, const struct histogram *histogram,
			 char text[PICTURE_TEXT_LEN])
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ".", ":", ":", "+", "+", "#", "#"};
	const char *const *levels = style->unicode ? blocks : ascii;
	uint64_t columns[PICTURE_COLUMNS] = {0}, most = 0;
	char *to = text;

	for (size_t i = 0; (i = counters_next(histogram->buckets, i)) < COUNTERS_MAX; i++) {
		uint64_t *column = &columns[column_of(i)];

		*column += counters_get(histogram->buckets, i);
		if (*column > most)
			most = *column;
	}
	for (size_t i = 0; i < PICTURE_COLUMNS; i++) {
		/* Even the smallest share is visible. */
		size_t level =
			columns[i] ? 1 + (size_t)((double)columns[i] / (double)most * 7.0) : 0;

		to = stpcpy(to, levels[level]);
	}
	*to = '\0';
	return text;
}
