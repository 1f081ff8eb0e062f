// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <jansson.h>

#include "output/json_writer.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* What is written between the two goes to `text`. */
struct sheet {
	struct json_writer json;
	char *text;
	size_t size;
};

static void sheet_open(struct sheet *sheet)
{
	memset(sheet, 0, sizeof(*sheet));
	sheet->json.file = open_memstream(&sheet->text, &sheet->size);
	assert_non_null(sheet->json.file);
}

static void sheet_close(struct sheet *sheet)
{
	assert_int_equal(fclose(sheet->json.file), 0);
	sheet->json.file = NULL;
}

/* Parses what was written; it must be one line of valid JSON and plain to a terminal. */
static json_t *sheet_parse(struct sheet *sheet)
{
	json_error_t error;
	json_t *root;

	sheet_close(sheet);
	assert_true(sheet->size && sheet->text[sheet->size - 1] == '\n');
	for (size_t i = 0; i < sheet->size - 1; i++)
		assert_true((unsigned char)sheet->text[i] >= 0x20 && sheet->text[i] != 0x7f);
	root = json_loads(sheet->text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s at %d of: %s", error.text, error.position, sheet->text);
	free(sheet->text);
	return root;
}

static void check_string(const char *value, const char *wanted)
{
	struct sheet sheet;
	json_t *root;

	sheet_open(&sheet);
	json_put_object(&sheet.json, NULL);
	json_put_string(&sheet.json, "s", value);
	json_put_object_end(&sheet.json);
	json_put_line_end(&sheet.json);
	root = sheet_parse(&sheet);
	assert_string_equal(json_string_value(json_object_get(root, "s")), wanted);
	json_decref(root);
}

static void nested_values_parse(void **state)
{
	struct sheet sheet;
	json_t *root, *list, *inner;

	(void)state;
	sheet_open(&sheet);
	json_put_object(&sheet.json, NULL);
	json_put_string(&sheet.json, "type", "leak");
	json_put_array(&sheet.json, "empty");
	json_put_array_end(&sheet.json);
	json_put_array(&sheet.json, "list");
	json_put_u64(&sheet.json, NULL, 1);
	json_put_object(&sheet.json, NULL);
	json_put_bool(&sheet.json, "yes", true);
	json_put_bool(&sheet.json, "no", false);
	json_put_object_end(&sheet.json);
	json_put_object(&sheet.json, NULL);
	json_put_object_end(&sheet.json);
	json_put_array(&sheet.json, NULL);
	json_put_null(&sheet.json, NULL);
	json_put_string(&sheet.json, NULL, "x");
	json_put_array_end(&sheet.json);
	json_put_array_end(&sheet.json);
	json_put_string(&sheet.json, "nobody", NULL);
	json_put_null(&sheet.json, "nothing");
	json_put_u64(&sheet.json, "last", 2);
	json_put_object_end(&sheet.json);
	json_put_line_end(&sheet.json);

	root = sheet_parse(&sheet);
	assert_int_equal(json_object_size(root), 6);
	assert_string_equal(json_string_value(json_object_get(root, "type")), "leak");
	assert_int_equal(json_array_size(json_object_get(root, "empty")), 0);
	list = json_object_get(root, "list");
	assert_int_equal(json_array_size(list), 4);
	assert_int_equal(json_integer_value(json_array_get(list, 0)), 1);
	inner = json_array_get(list, 1);
	assert_true(json_is_true(json_object_get(inner, "yes")));
	assert_true(json_is_false(json_object_get(inner, "no")));
	assert_int_equal(json_object_size(json_array_get(list, 2)), 0);
	inner = json_array_get(list, 3);
	assert_true(json_is_null(json_array_get(inner, 0)));
	assert_string_equal(json_string_value(json_array_get(inner, 1)), "x");
	assert_true(json_is_null(json_object_get(root, "nobody")));
	assert_true(json_is_null(json_object_get(root, "nothing")));
	assert_int_equal(json_integer_value(json_object_get(root, "last")), 2);
	json_decref(root);
}

static void lines_stand_alone(void **state)
{
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet);
	for (int i = 0; i < 3; i++) {
		json_put_object(&sheet.json, NULL);
		json_put_u64(&sheet.json, "n", (uint64_t)i);
		json_put_object_end(&sheet.json);
		json_put_line_end(&sheet.json);
	}
	sheet_close(&sheet);
	assert_string_equal(sheet.text, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
	free(sheet.text);
}

/* A number that a double would round must be there digit by digit. */
static void numbers_are_exact(void **state)
{
	static const struct {
		uint64_t value;
		const char *wanted;
	} cases[] = {
		{0, "{\"n\":0}\n"},
		{9, "{\"n\":9}\n"},
		{10, "{\"n\":10}\n"},
		{9007199254740993ULL, "{\"n\":9007199254740993}\n"}, /* 2^53 + 1 */
		{INT64_MAX, "{\"n\":9223372036854775807}\n"},
		{INT64_MAX + 1ULL, "{\"n\":9223372036854775808}\n"},
		{10000000000000000000ULL, "{\"n\":10000000000000000000}\n"},
		{UINT64_MAX, "{\"n\":18446744073709551615}\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sheet sheet;

		sheet_open(&sheet);
		json_put_object(&sheet.json, NULL);
		json_put_u64(&sheet.json, "n", cases[i].value);
		json_put_object_end(&sheet.json);
		json_put_line_end(&sheet.json);
		sheet_close(&sheet);
		assert_string_equal(sheet.text, cases[i].wanted);
		free(sheet.text);
	}
}

static void strings_come_back_as_they_were(void **state)
{
	static const char *const texts[] = {
		"",
		"plain",
		"\"quoted\" and \\back\\slashed",
		"\\u0041 is not an escape here",
		"/slash/",
		"tab\tnewline\nreturn\rbell\aescape\033[31mred\x7f",
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
		"\xe2\x80\xa8 line separator",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_string(texts[i], texts[i]);
	for (int byte = 1; byte < 0x80; byte++) {
		char text[] = {'<', (char)byte, '>', '\0'};

		check_string(text, text);
	}
}

static void check_raw(const char *value, const char *wanted)
{
	struct sheet sheet;

	sheet_open(&sheet);
	json_put_string(&sheet.json, NULL, value);
	sheet_close(&sheet);
	assert_string_equal(sheet.text, wanted);
	free(sheet.text);
}

/* What drives a terminal, cannot be seen or turns text around: nothing of it comes as it is. */
static void what_a_terminal_must_not_show_is_escaped(void **state)
{
	(void)state;
	check_raw("\033[2J\x7f", "\"\\u001b[2J\\u007f\"");
	check_raw("\xc2\x9b"
		  "2J\xc2\x80\xc2\x9f",
		  "\"\\u009b2J\\u0080\\u009f\"");
	check_raw("a\xe2\x80\xae"
		  "b\xe2\x80\x8b\xc2\xad",
		  "\"a\\u202eb\\u200b\\u00ad\"");
	check_raw("\xf3\xa0\x81\x81\xf0\x93\x90\xb0", "\"\\udb40\\udc41\\ud80d\\udc30\"");
	check_raw("\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
		  "\"\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"");
	/* Nothing is lost by it. */
	check_string("\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81",
		     "\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81");
}

static void invalid_bytes_become_the_replacement(void **state)
{
	(void)state;
	check_string("\xff", REPLACEMENT);
	check_string("a\x80z", "a" REPLACEMENT "z");
	check_string("\xc3", REPLACEMENT);
	check_string("\xc3\"", REPLACEMENT "\"");
	check_string("\xc0\xaf", REPLACEMENT REPLACEMENT);
	check_string("\xed\xa0\x80", REPLACEMENT REPLACEMENT REPLACEMENT);
	check_string("\xe2\x82", REPLACEMENT REPLACEMENT);
	check_string("\xf4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT);
	check_string("ok\xc3\xa9\xff\xc3\xa9", "ok\xc3\xa9" REPLACEMENT "\xc3\xa9");
}

/* Whatever a process calls itself. */
static void random_bytes_always_parse(void **state)
{
	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct sheet sheet;
		char text[17] = "";
		size_t length = random_below(sizeof(text));
		json_t *root;

		for (size_t i = 0; i < length; i++)
			text[i] = (char)(1 + random_below(255));
		sheet_open(&sheet);
		json_put_array(&sheet.json, NULL);
		json_put_string(&sheet.json, NULL, text);
		json_put_string(&sheet.json, NULL, text);
		json_put_array_end(&sheet.json);
		json_put_line_end(&sheet.json);
		root = sheet_parse(&sheet);
		assert_int_equal(json_array_size(root), 2);
		json_decref(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_values_parse),
		cmocka_unit_test(lines_stand_alone),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(strings_come_back_as_they_were),
		cmocka_unit_test(what_a_terminal_must_not_show_is_escaped),
		cmocka_unit_test(invalid_bytes_become_the_replacement),
		cmocka_unit_test(random_bytes_always_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
