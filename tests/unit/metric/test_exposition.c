// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "metric/exposition.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Takes the text that was written. */
static void check_text(struct metric_text *text, const char *wanted)
{
	assert_false(text->no_memory);
	assert_true(text->size <= text->capacity);
	if (text->size != strlen(wanted) || memcmp(text->data, wanted, text->size))
		fail_msg("\"%.*s\", not \"%s\"", (int)text->size, text->data, wanted);
	free(text->data);
	*text = (struct metric_text){.open_metrics = text->open_metrics};
}

static void a_family_has_help_and_type(void **state)
{
	struct metric_text text = {0};

	(void)state;
	metric_family(&text, "x_seconds", METRIC_HISTOGRAM, "How long.");
	metric_family(&text, "x_open", METRIC_GAUGE, "Open now.");
	check_text(&text, "# HELP x_seconds How long.\n# TYPE x_seconds histogram\n"
			  "# HELP x_open Open now.\n# TYPE x_open gauge\n");
	text.open_metrics = true;
	metric_family(&text, "x_seconds", METRIC_HISTOGRAM, "How long.");
	metric_family(&text, "x_open", METRIC_GAUGE, "Open now.");
	check_text(&text, "# HELP x_seconds How long.\n# TYPE x_seconds histogram\n"
			  "# HELP x_open Open now.\n# TYPE x_open gauge\n");
}

/* In OpenMetrics _total is a suffix of the sample, in the older format a part of the family's name.
 */
static void only_the_text_format_has_total_in_the_name_of_a_family(void **state)
{
	struct metric_text text = {0};

	(void)state;
	metric_family(&text, "x_events", METRIC_COUNTER, "Events.");
	check_text(&text, "# HELP x_events_total Events.\n# TYPE x_events_total counter\n");
	text.open_metrics = true;
	metric_family(&text, "x_events", METRIC_COUNTER, "Events.");
	check_text(&text, "# HELP x_events Events.\n# TYPE x_events counter\n");
}

static void a_sample_is_name_labels_and_value(void **state)
{
	static const char labels[] = "a=\"b\",c=\"d\"";
	struct metric_text text = {0};

	(void)state;
	metric_name(&text, "x", "_total");
	metric_labels_text(&text, labels, strlen(labels));
	metric_value_u64(&text, 1);
	metric_name(&text, "y", "");
	metric_labels_text(&text, "", 0);
	metric_value_u64(&text, 2);
	/* Only the first part of the labels. */
	metric_name(&text, "z", "");
	metric_labels_text(&text, labels, 5);
	metric_value_u64(&text, 3);
	check_text(&text, "x_total{a=\"b\",c=\"d\"} 1\ny 2\nz{a=\"b\"} 3\n");
}

static void numbers_are_written_in_full(void **state)
{
	struct metric_text text = {0};

	(void)state;
	metric_value_u64(&text, 0);
	metric_value_u64(&text, 10);
	metric_value_u64(&text, UINT64_MAX);
	check_text(&text, "0\n10\n18446744073709551615\n");
}

static void seconds_have_nine_digits(void **state)
{
	struct metric_text text = {0};

	(void)state;
	metric_value_seconds(&text, 0);
	metric_value_seconds(&text, 1);
	metric_value_seconds(&text, NS_PER_S - 1);
	metric_value_seconds(&text, NS_PER_S);
	metric_value_seconds(&text, 60 * NS_PER_S + 50);
	metric_value_seconds(&text, UINT64_MAX);
	check_text(&text, "0.000000000\n0.000000001\n0.999999999\n1.000000000\n60.000000050\n"
			  "18446744073.709551615\n");
}

static void only_open_metrics_has_an_end(void **state)
{
	struct metric_text text = {0};

	(void)state;
	metric_value_u64(&text, 1);
	metric_text_end(&text);
	check_text(&text, "1\n");
	text.open_metrics = true;
	metric_value_u64(&text, 1);
	metric_text_end(&text);
	check_text(&text, "1\n# EOF\n");
}

static void a_page_grows_as_needed(void **state)
{
	struct metric_text text = {0};

	(void)state;
	for (uint64_t i = 100000; i < 200000; i++)
		metric_value_u64(&text, i);
	assert_false(text.no_memory);
	assert_int_equal(text.size, 700000);
	for (uint64_t i = 100000; i < 200000; i++)
		assert_int_equal(strtoull(text.data + (i - 100000) * 7, NULL, 10), i);
	free(text.data);
}

static void check_label(const char *value, size_t size, const char *wanted)
{
	char labels[256], whole[256];
	char *exact = malloc(size + !size); /* the sanitizers see a read after it */
	size_t length;

	assert_non_null(exact);
	memcpy(exact, value, size);
	length = metric_label_add(labels, 0, sizeof(labels), "a", exact, size);
	free(exact);
	snprintf(whole, sizeof(whole), "a=\"%s\"", wanted);
	if (length != strlen(whole) || memcmp(labels, whole, length))
		fail_msg("%.*s, not %s", (int)length, labels, whole);
}

#define CHECK_LABEL(value, wanted) check_label(value, sizeof(value) - 1, wanted)

static void a_value_is_escaped(void **state)
{
	(void)state;
	CHECK_LABEL("", "");
	CHECK_LABEL("nginx: worker {a=1}, b", "nginx: worker {a=1}, b");
	CHECK_LABEL("a\"b", "a\\\"b");
	CHECK_LABEL("a\\b", "a\\\\b");
	CHECK_LABEL("a\nb", "a\\nb");
	CHECK_LABEL("\"\\\n", "\\\"\\\\\\n");
	/* A backslash and an n stay what they are. */
	CHECK_LABEL("\\n", "\\\\n");
	/* The format does not escape these. */
	CHECK_LABEL("a\tb\033[31m", "a\tb\033[31m");
}

static void utf8_stays(void **state)
{
	(void)state;
	CHECK_LABEL("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	CHECK_LABEL("\xe2\x82\xac", "\xe2\x82\xac");
	CHECK_LABEL("\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7");
	CHECK_LABEL(REPLACEMENT, REPLACEMENT);
}

static void what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	CHECK_LABEL("\xff", REPLACEMENT);
	CHECK_LABEL("a\x80\x62", "a" REPLACEMENT "b");
	CHECK_LABEL("\xc0\xaf", REPLACEMENT REPLACEMENT);		  /* overlong */
	CHECK_LABEL("\xed\xa0\x80", REPLACEMENT REPLACEMENT REPLACEMENT); /* a surrogate */
	CHECK_LABEL("\xc3\"", REPLACEMENT "\\\"");
}

/* The kernel cuts off names after 15 bytes. */
static void what_is_cut_off_at_the_end_is_replaced(void **state)
{
	(void)state;
	CHECK_LABEL("a\xc3", "a" REPLACEMENT);
	CHECK_LABEL("a\xe2\x82", "a" REPLACEMENT REPLACEMENT);
	CHECK_LABEL("\xf0\x9f\x90", REPLACEMENT REPLACEMENT REPLACEMENT);
	/* Bytes after the value do not belong to it. */
	check_label("\xc3\xbc", 1, REPLACEMENT);
	check_label("\xf0\x9f\x90\xa7", 3, REPLACEMENT REPLACEMENT REPLACEMENT);
}

static void labels_are_separated_by_commas(void **state)
{
	static const char wanted[] = "comm=\"nginx\",pid=\"\",netns=\"7\"";
	char labels[64];
	size_t size;

	(void)state;
	size = metric_label_add(labels, 0, sizeof(labels), "comm", "nginx", 5);
	size = metric_label_add(labels, size, sizeof(labels), "pid", "", 0);
	size = metric_label_add(labels, size, sizeof(labels), "netns", "7", 1);
	assert_int_equal(size, strlen(wanted));
	assert_memory_equal(labels, wanted, size);
}

/* For any capacity: never more bytes than that, and never a part of a label. */
static void what_does_not_fit_is_left_out(void **state)
{
	static const char whole[] = "a=\"b\",name=\"1\\\"" REPLACEMENT "\"";

	(void)state;
	for (size_t capacity = 6; capacity <= strlen(whole) + 2; capacity++) {
		char *labels = malloc(capacity);
		size_t first, size;

		assert_non_null(labels);
		first = metric_label_add(labels, 0, capacity, "a", "b", 1);
		assert_int_equal(first, 5);
		size = metric_label_add(labels, first, capacity, "name", "1\"\xff", 3);
		assert_true(size == first || size == strlen(whole));
		assert_int_equal(size == strlen(whole), capacity >= strlen(whole));
		assert_memory_equal(labels, whole, size);
		free(labels);
	}
	for (size_t capacity = 0; capacity < 5; capacity++) {
		char *labels = malloc(capacity + !capacity);

		assert_int_equal(metric_label_add(labels, 0, capacity, "a", "b", 1), 0);
		free(labels);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_help_and_type),
		cmocka_unit_test(only_the_text_format_has_total_in_the_name_of_a_family),
		cmocka_unit_test(a_sample_is_name_labels_and_value),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(seconds_have_nine_digits),
		cmocka_unit_test(only_open_metrics_has_an_end),
		cmocka_unit_test(a_page_grows_as_needed),
		cmocka_unit_test(a_value_is_escaped),
		cmocka_unit_test(utf8_stays),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
		cmocka_unit_test(what_is_cut_off_at_the_end_is_replaced),
		cmocka_unit_test(labels_are_separated_by_commas),
		cmocka_unit_test(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
