// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* For any name of a process, terminals get no control characters, and JSON is valid UTF-8. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "output/json_writer.h"
#include "output/text_style.h"
#include "base/units.h"
#include "base/utf8.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Decodes one character by the rules of RFC 3629, unlike base/utf8.c, which has a table. Returns
 * its length; 0 if there is none. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80	  ? 1
			: s[0] >> 5 == 6  ? 2
			: s[0] >> 4 == 14 ? 3
			: s[0] >> 3 == 30 ? 4
					  : 0;

	if (!length || length > left)
		return 0;
	*code = length == 1 ? s[0] : s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return length;
}

static void check_text(const char *text, bool ascii, bool c1_allowed)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t left = strlen(text);

	while (left) {
		uint32_t code;
		size_t length = decode(s, left, &code);

		CHECK(length);
		CHECK(code >= 0x20 && code != 0x7f);
		CHECK(c1_allowed || code < 0x80 || code >= 0xa0);
		CHECK(!ascii || code < 0x80);
		s += length;
		left -= length;
	}
}

static void check_sequences(const char *text)
{
	size_t left = strlen(text);

	while (left) {
		uint32_t code;
		size_t length = decode((const unsigned char *)text, left, &code);

		CHECK(utf8_sequence(text) == length);
		text += length ? length : 1;
		left -= length ? length : 1;
	}
}

static void fuzz_process(const uint8_t *data, size_t size, bool unicode)
{
	struct text_style style = {.unicode = unicode};
	struct process process = {.tgid = 4194304};
	char text[PROCESS_TEXT_LEN];

	memcpy(process.comm, data, size < EVENT_COMM_LEN ? size : EVENT_COMM_LEN);
	CHECK(strlen(text_process(&style, &process, text)) < sizeof(text));
	check_text(text, !unicode, false);
	CHECK(text[strlen(text) - 1] == ']');
	process.tgid = 0;
	process.merged = UINT32_MAX;
	check_text(text_process(&style, &process, text), !unicode, false);
}

static void fuzz_json(const char *value)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	struct json_writer json = {.file = file};
	json_t *parsed;

	CHECK(file);
	json_put_object(&json, NULL);
	json_put_string(&json, "a", value);
	json_put_array(&json, "b");
	json_put_string(&json, NULL, value);
	json_put_null(&json, NULL);
	json_put_array_end(&json);
	json_put_object_end(&json);
	fclose(file);
	check_text(text, false, true);
	parsed = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CHECK(parsed);
	/* Valid text must stay as it is. */
	if (!strstr(text, "\xef\xbf\xbd"))
		CHECK(!strcmp(json_string_value(json_object_get(parsed, "a")), value));
	json_decref(parsed);
	free(text);
}

static void fuzz_numbers(uint64_t number, bool unicode)
{
	struct text_style style = {.unicode = unicode};
	char count[COUNT_TEXT_LEN], duration[DURATION_TEXT_LEN], picture[PICTURE_TEXT_LEN];
	struct histogram histogram = {0};

	check_text(text_count(number, count), true, false);
	CHECK(strlen(duration_format(number, duration)) <= 7);
	histogram_record(&histogram, number);
	histogram_record(&histogram, number >> 20);
	check_text(text_picture(&style, &histogram, picture), !unicode, false);
	for (double q = 0; q <= 1; q += 0.125) {
		uint64_t quantile = histogram_quantile(&histogram, q);

		CHECK(quantile >= histogram.min_ns && quantile <= histogram.max_ns);
	}
	histogram_clear(&histogram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t number = 0;
	char *text;

	memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
	for (int unicode = 0; unicode < 2; unicode++) {
		fuzz_process(data, size, unicode);
		fuzz_numbers(number, unicode);
	}
	/* A block of its exact size: nothing may be read behind it. */
	text = malloc(size + 1);
	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check_sequences(text);
	fuzz_json(text);
	free(text);
	return 0;
}
