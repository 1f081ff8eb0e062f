// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void replay_error_set(struct replay_error *error, const char *format, ...)
{
	va_list args;

	if (error->text[0])
		return;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	for (char *c = error->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void replay_fields_begin(struct replay_fields *fields, const json_t *object, const char *prefix,
			 struct replay_error *error)
{
	*fields = (struct replay_fields){.object = object, .prefix = prefix, .error = error};
	if (json_is_object(object))
		return;
	if (*prefix)
		replay_error_set(error, "\"%.*s\" is not an object", (int)strlen(prefix) - 1,
				 prefix);
	else
		replay_error_set(error, "the line is not an object");
}

static bool was_read(const struct replay_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->read_count; i++)
		if (!strcmp(fields->read[i], name))
			return true;
	return false;
}

bool replay_fields_end(struct replay_fields *fields)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)fields->object, name, value)
	{
		if (!was_read(fields, name))
			replay_fields_wrong(fields, name, "is not a field of this");
	}
	return !fields->error->text[0];
}

bool replay_fields_has(const struct replay_fields *fields, const char *name)
{
	return json_object_get(fields->object, name);
}

void replay_fields_wrong(struct replay_fields *fields, const char *name, const char *wrong)
{
	replay_error_set(fields->error, "\"%s%.40s\" %s", fields->prefix, name, wrong);
}

const json_t *replay_fields_any(struct replay_fields *fields, const char *name)
{
	if (fields->read_count < REPLAY_FIELDS_MAX)
		fields->read[fields->read_count++] = name;
	return json_object_get(fields->object, name);
}

int64_t replay_fields_i64(struct replay_fields *fields, const char *name, int64_t missing,
			  int64_t max)
{
	const json_t *value = replay_fields_any(fields, name);
	json_int_t number;

	if (!value)
		return missing;
	if (!json_is_integer(value)) {
		replay_fields_wrong(fields, name, "is not a whole number");
		return missing;
	}
	number = json_integer_value(value);
	if (number > max || number < -max) {
		replay_fields_wrong(fields, name, "is out of range");
		return missing;
	}
	return number;
}

uint64_t replay_fields_u64(struct replay_fields *fields, const char *name, uint64_t missing,
			   uint64_t max)
{
	int64_t limit = max < INT64_MAX ? (int64_t)max : INT64_MAX;
	int64_t number;

	if (!replay_fields_has(fields, name)) {
		replay_fields_any(fields, name);
		return missing;
	}
	number = replay_fields_i64(fields, name, 0, limit);
	if (number < 0) {
		replay_fields_wrong(fields, name, "is negative");
		return missing;
	}
	return (uint64_t)number;
}

uint32_t replay_fields_u32(struct replay_fields *fields, const char *name, uint32_t missing)
{
	return (uint32_t)replay_fields_u64(fields, name, missing, UINT32_MAX);
}

const char *replay_fields_string(struct replay_fields *fields, const char *name)
{
	const json_t *value = replay_fields_any(fields, name);

	if (value && !json_is_string(value))
		replay_fields_wrong(fields, name, "is not a string");
	return json_string_value(value);
}

const json_t *replay_fields_array(struct replay_fields *fields, const char *name)
{
	const json_t *value = replay_fields_any(fields, name);

	if (!value || json_is_array(value))
		return value;
	replay_fields_wrong(fields, name, "is not an array");
	return NULL;
}

static unsigned char digit_of(char c)
{
	return (unsigned char)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

size_t replay_fields_hex(struct replay_fields *fields, const char *name, void *bytes, size_t room)
{
	const char *text = replay_fields_string(fields, name);
	size_t length = text ? strlen(text) : 0;
	unsigned char *to = bytes;

	if (length % 2 || length / 2 > room) {
		replay_fields_wrong(fields, name,
				    length % 2 ? "has an odd number of digits" : "is too long");
		return 0;
	}
	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text[i])) {
			replay_fields_wrong(fields, name,
					    "has a character that is not a hex digit");
			return 0;
		}
	for (size_t i = 0; i < length; i += 2)
		*to++ = (unsigned char)(digit_of(text[i]) << 4 | digit_of(text[i + 1]));
	return length / 2;
}
