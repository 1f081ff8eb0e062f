// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	const char *name;
	char *error;
	size_t nodes;
	size_t depth;
	struct web_yaml *parents[WEB_YAML_DEPTH_MAX];
	struct web_yaml **tails[WEB_YAML_DEPTH_MAX]; /* where the next child goes */
	char *key;				     /* of the value that comes next */
	unsigned int key_line;
};

static int refuse(struct reader *reader, const yaml_mark_t *mark, const char *why)
{
	return http_error(reader->error, -EINVAL, "%s:%zu: %s", reader->name, mark->line + 1, why);
}

void web_yaml_free(struct web_yaml *node)
{
	while (node) {
		struct web_yaml *next = node->next;

		web_yaml_free(node->first); /* at most WEB_YAML_DEPTH_MAX deep */
		if (node->text)
			explicit_bzero(node->text, strlen(node->text));
		free(node->text);
		free(node->key);
		free(node);
		node = next;
	}
}

static int key_take(struct reader *reader, const yaml_event_t *event)
{
	const struct web_yaml *map = reader->parents[reader->depth - 1];
	const char *key = (const char *)event->data.scalar.value;

	for (const struct web_yaml *child = map->first; child; child = child->next) {
		if (!strcmp(child->key, key))
			return http_error(reader->error, -EINVAL, "%s:%zu: %.100s is given twice",
					  reader->name, event->start_mark.line + 1, key);
	}
	reader->key = strdup(key);
	reader->key_line = (unsigned int)event->start_mark.line + 1;
	return reader->key ? 0 : refuse(reader, &event->start_mark, "out of memory");
}

/* Appends a value to the map or list that is being read. */
static int value_take(struct reader *reader, const yaml_event_t *event, enum web_yaml_kind kind)
{
	struct web_yaml *node;

	if (++reader->nodes > WEB_YAML_NODES_MAX)
		return refuse(reader, &event->start_mark, "the file has too many entries");
	node = calloc(1, sizeof(*node));
	if (!node)
		return refuse(reader, &event->start_mark, "out of memory");
	node->kind = kind;
	node->key = reader->key;
	node->line = reader->key ? reader->key_line : (unsigned int)event->start_mark.line + 1;
	reader->key = NULL;
	*reader->tails[reader->depth - 1] = node;
	reader->tails[reader->depth - 1] = &node->next;
	if (kind == WEB_YAML_TEXT) {
		const char *text = (const char *)event->data.scalar.value;
		bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

		if (plain && (!*text || !strcmp(text, "~") || !strcmp(text, "null")))
			return 0;
		node->text = strdup(text);
		return node->text ? 0 : refuse(reader, &event->start_mark, "out of memory");
	}
	if (reader->depth == WEB_YAML_DEPTH_MAX)
		return refuse(reader, &event->start_mark, "is nested too deeply");
	reader->parents[reader->depth] = node;
	reader->tails[reader->depth++] = &node->first;
	return 0;
}

static int scalar_take(struct reader *reader, const yaml_event_t *event)
{
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse(reader, &event->start_mark, "anchors and tags are not supported");
	if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
		return refuse(reader, &event->start_mark, "a string contains a zero byte");
	if (reader->depth > 1 && reader->parents[reader->depth - 1]->kind == WEB_YAML_MAP &&
	    !reader->key)
		return key_take(reader, event);
	return value_take(reader, event, WEB_YAML_TEXT);
}

static int collection_take(struct reader *reader, const yaml_event_t *event)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor =
		map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
	const yaml_char_t *tag =
		map ? event->data.mapping_start.tag : event->data.sequence_start.tag;

	if (anchor || tag)
		return refuse(reader, &event->start_mark, "anchors and tags are not supported");
	if (reader->depth > 1 && reader->parents[reader->depth - 1]->kind == WEB_YAML_MAP &&
	    !reader->key)
		return refuse(reader, &event->start_mark, "a key must be a string");
	return value_take(reader, event, map ? WEB_YAML_MAP : WEB_YAML_LIST);
}

/* Returns 1 at the end of the file. */
static int event_take(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_DOCUMENT_START_EVENT:
		if (reader->nodes)
			return refuse(reader, &event->start_mark,
				      "the file has more than one document");
		return 0;
	case YAML_SCALAR_EVENT:
		return scalar_take(reader, event);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return collection_take(reader, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(reader, &event->start_mark, "aliases are not supported");
	default:
		return 0;
	}
}

static int events_read(struct reader *reader)
{
	yaml_event_t event;
	int err;

	do {
		if (!yaml_parser_parse(&reader->parser, &event)) {
			const char *problem = reader->parser.problem;

			return refuse(reader, &reader->parser.problem_mark,
				      problem ? problem : "is not YAML");
		}
		err = event_take(reader, &event);
		if (event.type == YAML_SCALAR_EVENT)
			explicit_bzero(event.data.scalar.value, event.data.scalar.length);
		yaml_event_delete(&event);
	} while (!err);
	return err < 0 ? err : 0;
}

int web_yaml_parse(struct web_yaml **root, const char *text, size_t size, const char *name,
		   char error[HTTP_ERROR_LEN])
{
	struct web_yaml top = {.kind = WEB_YAML_LIST};
	struct reader reader = {.name = name, .error = error, .depth = 1};
	int err;

	if (size > WEB_YAML_SIZE_MAX)
		return http_error(error, -EFBIG, "%s: is larger than %d KB", name,
				  WEB_YAML_SIZE_MAX / 1024);
	if (!yaml_parser_initialize(&reader.parser))
		return http_error(error, -ENOMEM, "%s: out of memory", name);
	reader.parents[0] = &top;
	reader.tails[0] = &top.first;
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	err = events_read(&reader);
	yaml_parser_delete(&reader.parser);
	free(reader.key);
	if (!err && !top.first) {
		top.first = calloc(1, sizeof(*top.first));
		if (!top.first)
			return http_error(error, -ENOMEM, "%s: out of memory", name);
	}
	if (err) {
		web_yaml_free(top.first);
		return err;
	}
	/* An empty file is an empty map. */
	if (top.first->kind == WEB_YAML_TEXT && !top.first->text)
		top.first->kind = WEB_YAML_MAP;
	*root = top.first;
	return 0;
}
