// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/suppressions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safe_open.h"
#include "base/utf8.h"
#include "leak/suppression_pattern.h"

#define ANY_KIND ((1u << LEAK_KINDS) - 1)

struct entry {
	struct suppression shown;
	char *text;
	unsigned int kinds; /* bits by enum leak_kind */
	struct suppression_pattern *pattern;
};

struct suppressions {
	struct entry *entries;
	size_t count;
	size_t capacity;
};

struct parser {
	struct suppressions *suppressions;
	const char *path;
	size_t line;
	char *error;
};

#define SHOWN_LEN 64

/* The beginning of a wrong line, for a message: other than printable ASCII becomes '?'. */
static const char *shown(const char *text, size_t length, char out[SHOWN_LEN])
{
	size_t kept = length < SHOWN_LEN ? length : SHOWN_LEN - 4;

	memcpy(out, text, kept);
	for (size_t i = 0; i < kept; i++)
		if (text[i] < ' ' || text[i] > '~')
			out[i] = '?';
	memcpy(out + kept, kept < length ? "..." : "", kept < length ? 4 : 1);
	return out;
}

static int refuse(const struct parser *parser, const char *text, size_t length, const char *wrong)
{
	char part[SHOWN_LEN];

	snprintf(parser->error, SUPPRESSIONS_ERROR_LEN, "%.200s:%zu: '%s': %s", parser->path,
		 parser->line, shown(text, length, part), wrong);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Whether the line is valid UTF-8 without control characters other than the tab. */
static bool is_text(const char *line, size_t length)
{
	char copy[SUPPRESSION_LINE_MAX + 1];
	size_t step;

	memcpy(copy, line, length);
	copy[length] = '\0';
	for (size_t i = 0; i < length; i += step) {
		unsigned char c = (unsigned char)copy[i];

		step = utf8_sequence(copy + i);
		if (!step || (c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static unsigned int kinds_of(const char *name, size_t length)
{
	if (length == 4 && !strncmp(name, "leak", 4))
		return ANY_KIND;
	for (unsigned int kind = 0; kind < LEAK_KINDS; kind++) {
		const char *known = leak_kind_name(kind);

		if (strlen(known) == length && !strncmp(name, known, length))
			return 1u << kind;
	}
	return 0;
}

static struct entry *entry_new(struct suppressions *suppressions)
{
	if (suppressions->count == suppressions->capacity) {
		size_t capacity = suppressions->capacity ? suppressions->capacity * 2 : 64;
		struct entry *entries =
			reallocarray(suppressions->entries, capacity, sizeof(*entries));

		if (!entries)
			return NULL;
		suppressions->entries = entries;
		suppressions->capacity = capacity;
	}
	suppressions->entries[suppressions->count] = (struct entry){0};
	return &suppressions->entries[suppressions->count++];
}

static int no_memory(const struct parser *parser)
{
	snprintf(parser->error, SUPPRESSIONS_ERROR_LEN, "%.200s: %s", parser->path,
		 strerror(ENOMEM));
	return -ENOMEM;
}

/* A line without blanks around it, neither empty nor a comment. */
static int parse_entry(struct parser *parser, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length), *pattern, *wrong;
	unsigned int kinds = colon ? kinds_of(line, (size_t)(colon - line)) : 0;
	struct entry *entry;

	if (!kinds)
		return refuse(parser, line, length,
			      "a suppression is KIND:PATTERN, where KIND is leak (any), unclosed, "
			      "unread, unaccepted or stalled");
	if (parser->suppressions->count == SUPPRESSIONS_MAX)
		return refuse(parser, line, length,
			      "there are too many suppressions: at most 10000; * makes one of "
			      "several");
	for (pattern = colon + 1; pattern < line + length && is_blank(*pattern); pattern++)
		;
	entry = entry_new(parser->suppressions);
	if (!entry)
		return no_memory(parser);
	entry->kinds = kinds;
	entry->pattern =
		suppression_pattern_new(pattern, (size_t)(line + length - pattern), &wrong);
	if (wrong)
		return refuse(parser, line, length, wrong);
	entry->text = strndup(line, length);
	if (!entry->pattern || !entry->text)
		return no_memory(parser);
	entry->shown = (struct suppression){.text = entry->text, .line = parser->line};
	return 0;
}

static int parse_line(struct parser *parser, const char *line, size_t length)
{
	while (length && is_blank(line[length - 1]))
		length--;
	while (length && is_blank(*line)) {
		line++;
		length--;
	}
	if (length > SUPPRESSION_LINE_MAX)
		return refuse(parser, line, length,
			      "the line is too long: at most 4096 bytes; * stands for what is left "
			      "out");
	if (!is_text(line, length))
		return refuse(parser, line, length,
			      "this is no text (UTF-8 without control characters); \\xHH stands "
			      "for such a byte");
	if (!length || *line == '#')
		return 0;
	return parse_entry(parser, line, length);
}

int suppressions_parse(struct suppressions **suppressions, const char *text, size_t size,
		       const char *path, char error[SUPPRESSIONS_ERROR_LEN])
{
	struct parser parser = {.path = path, .error = error};
	int err = 0;

	if (size > SUPPRESSIONS_SIZE_MAX) {
		snprintf(error, SUPPRESSIONS_ERROR_LEN,
			 "%.200s: the file is too big: at most 1 MB (1048576 bytes)", path);
		return -EINVAL;
	}
	parser.suppressions = calloc(1, sizeof(*parser.suppressions));
	if (!parser.suppressions)
		return no_memory(&parser);
	/* The byte order mark that editors may write. */
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	while (size && !err) {
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;

		parser.line++;
		err = parse_line(&parser, text, length);
		length += end != NULL;
		text += length;
		size -= length;
	}
	if (err)
		suppressions_free(parser.suppressions);
	else
		*suppressions = parser.suppressions;
	return err;
}

/* Reads at most one byte more than is allowed, so that a file that is too big is noticed. */
static ssize_t file_read(const char *path, char *text)
{
	int fd = safe_open(path, SAFE_OPEN_STREAM);
	ssize_t count;

	if (fd < 0)
		return fd;
	count = safe_open_read(fd, text, SUPPRESSIONS_SIZE_MAX + 1);
	close(fd);
	return count;
}

int suppressions_read(struct suppressions **suppressions, const char *path,
		      char error[SUPPRESSIONS_ERROR_LEN])
{
	char *text = calloc(1, SUPPRESSIONS_SIZE_MAX + 1);
	ssize_t length = text ? file_read(path, text) : -ENOMEM;
	int err = (int)length;

	if (length < 0)
		snprintf(error, SUPPRESSIONS_ERROR_LEN, "%.200s: cannot be read: %s", path,
			 safe_open_problem(err));
	else
		err = suppressions_parse(suppressions, text, (size_t)length, path, error);
	free(text);
	return err;
}

void suppressions_free(struct suppressions *suppressions)
{
	if (!suppressions)
		return;
	for (size_t i = 0; i < suppressions->count; i++) {
		free(suppressions->entries[i].text);
		suppression_pattern_free(suppressions->entries[i].pattern);
	}
	free(suppressions->entries);
	free(suppressions);
}

/* A text of a leak in which patterns are looked for. */
struct text {
	const char *text;
	size_t length;
};

/* All texts of a leak. */
struct texts {
	struct text *items;
	size_t count;
	char *joined;  /* all texts, without separators */
	size_t length; /* of joined */
	char local[ENDPOINT_TEXT_LEN];
	char remote[ENDPOINT_TEXT_LEN];
	char flow[2 * ENDPOINT_TEXT_LEN + 4];
};

static void texts_add(struct texts *all, const char *bytes)
{
	if (!bytes || !*bytes)
		return;
	all->items[all->count] = (struct text){bytes, strlen(bytes)};
	all->length += all->items[all->count++].length;
}

/* The local end of a client is left out, because its port is different each time. */
static void texts_add_ends(struct texts *all, const struct leak *leak)
{
	flow_format_local(leak->flow, all->local);
	flow_format_remote(leak->flow, all->remote);
	if (leak->role == ROLE_CLIENT)
		snprintf(all->flow, sizeof(all->flow), "-> %s", all->remote);
	else
		snprintf(all->flow, sizeof(all->flow), "%s %s %s", all->local,
			 leak->role == ROLE_SERVER ? "<-" : "--", all->remote);
	texts_add(all, all->remote);
	texts_add(all, leak->role == ROLE_CLIENT ? NULL : all->local);
	texts_add(all, all->flow);
}

/* Neighbouring frames often have the same file or module: such a text is added once. */
static void texts_add_stack(struct texts *all, const struct call_stack *stack)
{
	const struct call_frame *before = NULL;

	for (size_t i = 0; i < stack->count; before = &stack->frames[i++]) {
		const struct call_frame *frame = &stack->frames[i];

		texts_add(all, frame->function);
		if (!before || before->file != frame->file)
			texts_add(all, frame->file);
		if (!before || before->module != frame->module)
			texts_add(all, frame->module);
	}
}

static bool texts_fill(struct texts *all, const struct leak *leak)
{
	size_t frames = leak->stack ? leak->stack->count : 0, length = 0;

	*all = (struct texts){.items = reallocarray(NULL, 3 * frames + 4, sizeof(*all->items))};
	if (!all->items)
		return false;
	texts_add(all, leak->process ? leak->process->comm : NULL);
	texts_add_ends(all, leak);
	if (frames)
		texts_add_stack(all, leak->stack);
	all->joined = malloc(all->length);
	for (size_t i = 0; all->joined && i < all->count; i++) {
		memcpy(all->joined + length, all->items[i].text, all->items[i].length);
		length += all->items[i].length;
	}
	return all->joined;
}

static bool matches_any(const struct suppression_pattern *pattern, const struct texts *all)
{
	if (!suppression_pattern_may_match(pattern, all->joined, all->length))
		return false;
	for (size_t i = 0; i < all->count; i++)
		if (suppression_pattern_match(pattern, all->items[i].text, all->items[i].length))
			return true;
	return false;
}

bool suppressions_match(struct suppressions *suppressions, const struct leak *leak)
{
	/* What is idle is not read. */
	enum leak_kind kind = leak->kind == LEAK_IDLE ? LEAK_UNREAD : leak->kind;
	struct texts all;
	bool filled = texts_fill(&all, leak), found = false;

	for (size_t i = 0; filled && i < suppressions->count && !found; i++) {
		struct entry *entry = &suppressions->entries[i];

		if (!(entry->kinds & 1u << kind))
			continue;
		found = matches_any(entry->pattern, &all);
		entry->shown.count += found;
	}
	free(all.joined);
	free(all.items);
	return found;
}

const struct suppression *suppressions_at(const struct suppressions *suppressions, size_t index)
{
	return index < suppressions->count ? &suppressions->entries[index].shown : NULL;
}
