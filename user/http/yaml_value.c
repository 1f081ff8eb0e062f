// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/yaml_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int web_value_refuse(const struct web_value *value, const char *format, ...)
{
	const char *key = value->node->key;
	va_list arguments;
	int length;

	if (!key && value->outer)
		key = value->outer->node->key;
	length = snprintf(value->error, HTTP_ERROR_LEN, "%.200s:%u: %.64s%s", value->name,
			  value->node->line ? value->node->line : 1, key ? key : "",
			  key ? ": " : "");
	va_start(arguments, format);
	vsnprintf(value->error + length, HTTP_ERROR_LEN - (size_t)length, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int web_value_text(const struct web_value *value)
{
	if (value->node->kind != WEB_YAML_TEXT)
		return web_value_refuse(value, "must be a string");
	if (!value->node->text)
		return web_value_refuse(value, "is empty");
	return 0;
}

int web_value_bool(const struct web_value *value, bool *on)
{
	static const char *const yes[] = {"true", "yes", "on"};
	static const char *const no[] = {"false", "no", "off"};

	for (size_t i = 0; value->node->text && i < sizeof(yes) / sizeof(yes[0]); i++) {
		bool is_yes = !strcasecmp(value->node->text, yes[i]);

		if (!is_yes && strcasecmp(value->node->text, no[i]) != 0)
			continue;
		*on = is_yes;
		return 0;
	}
	return web_value_refuse(value, "must be true or false");
}

static bool empty(const struct web_yaml *node)
{
	return node->kind == WEB_YAML_TEXT && !node->text;
}

bool web_value_no_entries(const struct web_value *value)
{
	return value->node->kind == WEB_YAML_MAP && !value->node->first;
}

bool web_value_has(const struct web_value *value, const char *key)
{
	if (value->node->kind != WEB_YAML_MAP)
		return false;
	for (const struct web_yaml *node = value->node->first; node; node = node->next) {
		if (!strcmp(node->key, key))
			return !empty(node);
	}
	return false;
}

/* Writes the names of the supported keys: "a, b, c". */
static void names_of(const struct web_key *keys, char *text, size_t size)
{
	size_t length = 0;

	*text = '\0';
	for (const struct web_key *key = keys; key->name && length < size; key++) {
		if (!key->refused)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
						   length ? ", " : "", key->name);
	}
}

int web_value_keys(const struct web_value *value, const struct web_key *keys, void *target)
{
	char names[HTTP_ERROR_LEN / 2];

	if (empty(value->node))
		return 0;
	if (value->node->kind != WEB_YAML_MAP)
		return web_value_refuse(value, "must be a map of keys and values");
	for (const struct web_yaml *node = value->node->first; node; node = node->next) {
		struct web_value inner = {
			.node = node,
			.name = value->name,
			.outer = value,
			.error = value->error,
		};
		const struct web_key *key = keys;
		int err;

		while (key->name && strcmp(key->name, node->key) != 0)
			key++;
		if (!key->name) {
			names_of(keys, names, sizeof(names));
			return web_value_refuse(
				&inner, "is not a known key; the known ones are: %s", names);
		}
		err = key->take(&inner, target);
		if (err)
			return err;
	}
	return 0;
}

static int for_all(const struct web_value *value, web_take take, void *target)
{
	for (const struct web_yaml *node = value->node->first; node; node = node->next) {
		struct web_value inner = {
			.node = node,
			.name = value->name,
			.outer = value,
			.error = value->error,
		};
		int err = take(&inner, target);

		if (err)
			return err;
	}
	return 0;
}

int web_value_each(const struct web_value *value, web_take take, void *target)
{
	if (!empty(value->node) && value->node->kind != WEB_YAML_MAP)
		return web_value_refuse(value, "must be a map of keys and values");
	return for_all(value, take, target);
}

int web_value_list(const struct web_value *value, web_take take, void *target)
{
	if (!empty(value->node) && value->node->kind != WEB_YAML_LIST)
		return web_value_refuse(value, "must be a list");
	return for_all(value, take, target);
}
