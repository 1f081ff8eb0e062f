// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/json_writer.h"

#include <string.h>

#include "base/shown.h"
#include "base/utf8.h"

static void put(struct json_writer *json, const char *text, size_t length)
{
	fwrite_unlocked(text, 1, length, json->file);
}

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Writes a character as an escape: two above U+FFFF, the halves of a surrogate pair (RFC 8259,
 * section 7). */
static void put_escaped(struct json_writer *json, uint32_t code)
{
	if (code > 0xffff) {
		fprintf(json->file, "\\u%04x", 0xd7c0 + (code >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	fprintf(json->file, "\\u%04x", code);
}

/* Writes one character that is not plain. What a terminal must not show is escaped: it comes from
 * the names of processes, and JSON is read on terminals, too. Returns what follows it. */
static const char *put_special(struct json_writer *json, const char *value)
{
	size_t length = utf8_sequence(value);
	unsigned char byte = (unsigned char)*value;

	if (!length) {
		put(json, UTF8_REPLACEMENT, UTF8_REPLACED_LEN);
		return value + 1;
	}
	if (byte == '"' || byte == '\\') {
		putc_unlocked('\\', json->file);
		putc_unlocked(byte, json->file);
	} else if (shown_sequence(value)) {
		put(json, value, length);
	} else {
		put_escaped(json, utf8_code_point(value, length));
	}
	return value + length;
}

static void put_string(struct json_writer *json, const char *value)
{
	putc_unlocked('"', json->file);
	while (*value) {
		size_t plain = 0;

		while (is_plain((unsigned char)value[plain]))
			plain++;
		put(json, value, plain);
		value += plain;
		if (*value)
			value = put_special(json, value);
	}
	putc_unlocked('"', json->file);
}

/* Writes what comes before a value. Keys are plain ASCII, and not escaped. */
static void begin(struct json_writer *json, const char *key)
{
	if (json->comma)
		putc_unlocked(',', json->file);
	json->comma = true;
	if (!key)
		return;
	putc_unlocked('"', json->file);
	put(json, key, strlen(key));
	put(json, "\":", 2);
}

void json_put_object(struct json_writer *json, const char *key)
{
	begin(json, key);
	putc_unlocked('{', json->file);
	json->comma = false;
}

void json_put_object_end(struct json_writer *json)
{
	putc_unlocked('}', json->file);
	json->comma = true;
}

void json_put_array(struct json_writer *json, const char *key)
{
	begin(json, key);
	putc_unlocked('[', json->file);
	json->comma = false;
}

void json_put_array_end(struct json_writer *json)
{
	putc_unlocked(']', json->file);
	json->comma = true;
}

void json_put_string(struct json_writer *json, const char *key, const char *value)
{
	if (!value) {
		json_put_null(json, key);
		return;
	}
	begin(json, key);
	put_string(json, value);
}

void json_put_u64(struct json_writer *json, const char *key, uint64_t value)
{
	char digits[20];
	char *p = digits + sizeof(digits);

	begin(json, key);
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(json, p, (size_t)(digits + sizeof(digits) - p));
}

/* Uses integers, so that the decimal point does not depend on the locale. */
void json_put_real(struct json_writer *json, const char *key, double value)
{
	char text[32];
	double size = value < 0 ? -value : value;
	uint64_t thousandths;
	int length;

	if (!(size < 1e15)) {
		json_put_null(json, key);
		return;
	}
	thousandths = (uint64_t)(size * 1000 + 0.5);
	begin(json, key);
	length = snprintf(text, sizeof(text), "%s%llu.%03u", value < 0 && thousandths ? "-" : "",
			  (unsigned long long)(thousandths / 1000),
			  (unsigned int)(thousandths % 1000));
	put(json, text, (size_t)length);
}

void json_put_bool(struct json_writer *json, const char *key, bool value)
{
	begin(json, key);
	if (value)
		put(json, "true", 4);
	else
		put(json, "false", 5);
}

void json_put_null(struct json_writer *json, const char *key)
{
	begin(json, key);
	put(json, "null", 4);
}

void json_put_line_end(struct json_writer *json)
{
	putc_unlocked('\n', json->file);
	json->comma = false;
}
