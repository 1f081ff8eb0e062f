// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include "output/text_style.h"

static const struct text_style plain = {.colour = false, .unicode = false};
static const struct text_style unicode = {.colour = false, .unicode = true};
static const struct text_style coloured = {.colour = true, .unicode = true};

static void check_process(const struct text_style *style, const char *comm, uint32_t tgid,
			  const char *wanted)
{
	struct process process = {.tgid = tgid};
	char text[PROCESS_TEXT_LEN];

	assert_true(strlen(comm) < sizeof(process.comm));
	memcpy(process.comm, comm, strlen(comm));
	memset(text, 'x', sizeof(text));
	assert_ptr_equal(text_process(style, &process, text), text);
	assert_string_equal(text, wanted);
}

static void processes_are_named_with_their_pid(void **state)
{
	char text[PROCESS_TEXT_LEN];

	(void)state;
	check_process(&plain, "nginx", 812, "nginx[812]");
	check_process(&plain, "", 1, "[1]");
	check_process(&plain, "a b[c]", 4294967295u, "a b[c][4294967295]");
	check_process(&plain, "0123456789abcdef", 4294967295u, "0123456789abcdef[4294967295]");
	assert_string_equal(text_process(&plain, NULL, text), "(unknown)");
}

static void folded_processes_say_how_many(void **state)
{
	struct process process = {.comm = "curl", .merged = 4294967295u};
	char text[PROCESS_TEXT_LEN];

	(void)state;
	assert_string_equal(text_process(&plain, &process, text), "curl[4294967295 ended]");
	process.merged = 0;
	assert_string_equal(text_process(&plain, &process, text), "curl");
}

/* A name is what a process likes; a terminal must get none of it as a command. */
static void control_bytes_do_not_reach_the_terminal(void **state)
{
	(void)state;
	check_process(&unicode, "\033[2Jgone", 1, "?[2Jgone[1]");
	check_process(&unicode, "a\rb\nc\td", 1, "a?b?c?d[1]");
	check_process(&unicode, "\x01\x1f\x7f", 1, "???[1]");
	for (int byte = 1; byte < 0x20; byte++)
		check_process(&unicode, (char[]){'<', (char)byte, '>', 0}, 1, "<?>[1]");
	/* C1: U+0080 to U+009F, of which U+009B is another ESC [ */
	check_process(&unicode, "<\xc2\x80\xc2\x9b\xc2\x9f>", 1,
		      "<?"
		      "?"
		      "?>[1]");
	check_process(&unicode, "<\xc2\xa0>", 1, "<\xc2\xa0>[1]");
}

static void invalid_utf8_becomes_question_marks(void **state)
{
	(void)state;
	check_process(&unicode, "<\xff>", 1, "<?>[1]");
	check_process(&unicode, "<\x9b>", 1, "<?>[1]");
	check_process(&unicode, "<\xc3>", 1, "<?>[1]");
	check_process(&unicode, "cut\xe2\x82", 1, "cut??[1]"); /* by the 15 bytes of a name */
	check_process(&unicode, "\xed\xa0\x80", 1, "???[1]");
	check_process(&plain, "<\xff>", 1, "<?>[1]");
}

static void other_characters_need_a_unicode_terminal(void **state)
{
	(void)state;
	check_process(&unicode, "caf\xc3\xa9 \xe2\x82\xac", 1, "caf\xc3\xa9 \xe2\x82\xac[1]");
	check_process(&plain, "caf\xc3\xa9 \xe2\x82\xac", 1, "caf? ?[1]");
	check_process(&unicode, "\xf0\x9f\x98\x80", 1, "\xf0\x9f\x98\x80[1]");
	check_process(&plain, "\xf0\x9f\x98\x80", 1, "?[1]");
}

/* Any 16 bytes fit, and what comes out is printable. */
static void random_names_are_made_harmless(void **state)
{
	(void)state;
	for (int n = 0; n < 50000; n++) {
		struct process process = {.tgid = 4294967295u};
		char text[PROCESS_TEXT_LEN];

		for (size_t i = 0; i < EVENT_COMM_LEN; i++)
			process.comm[i] = (char)(1 + random_below(255));
		text_process(n % 2 ? &plain : &unicode, &process, text);
		for (const unsigned char *c = (unsigned char *)text; *c; c++) {
			assert_true(*c >= 0x20 && *c != 0x7f);
			assert_true(n % 2 == 0 || *c < 0x80);
		}
	}
}

static void counts_have_separators(void **state)
{
	static const struct {
		uint64_t count;
		const char *wanted;
	} cases[] = {
		{0, "0"},
		{9, "9"},
		{999, "999"},
		{1000, "1,000"},
		{12345, "12,345"},
		{999999, "999,999"},
		{1000000, "1,000,000"},
		{1000000000, "1,000,000,000"},
		{UINT64_MAX, "18,446,744,073,709,551,615"},
	};
	char text[COUNT_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_ptr_equal(text_count(cases[i].count, text), text);
		assert_string_equal(text, cases[i].wanted);
	}
}

static void check_picture(const struct histogram *histogram, const char *wanted)
{
	char text[PICTURE_TEXT_LEN];

	assert_ptr_equal(text_picture(&plain, histogram, text), text);
	assert_int_equal(strlen(text), PICTURE_COLUMNS);
	assert_string_equal(text, wanted);
}

static void pictures_stand_over_their_axis(void **state)
{
	static const struct {
		uint64_t ns;
		const char *wanted;
	} cases[] = {
		{0, "#               "},
		{1500, "#               "},		/* 1us */
		{1500 * NS_PER_US, "    #           "}, /* 1ms */
		{1500 * NS_PER_MS, "        #       "}, /* 1s */
		{1500 * NS_PER_S, "            #   "},	/* 17m */
		{UINT64_MAX, "               #"},
	};
	struct histogram empty = {0};

	(void)state;
	assert_int_equal(strlen(PICTURE_AXIS), PICTURE_COLUMNS);
	check_picture(&empty, "                ");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct histogram histogram = {0};

		histogram_record(&histogram, cases[i].ns);
		check_picture(&histogram, cases[i].wanted);
		histogram_clear(&histogram);
	}
}

/* Longer is further to the right. */
static void columns_rise_with_the_duration(void **state)
{
	size_t last = 0, most = 0;

	(void)state;
	for (uint64_t ns = 1; ns < 1ULL << 60; ns += ns / 10 + 1) {
		struct histogram histogram = {0};
		char text[PICTURE_TEXT_LEN];
		size_t column;

		histogram_record(&histogram, ns);
		text_picture(&plain, &histogram, text);
		histogram_clear(&histogram);
		column = strspn(text, " ");
		assert_true(column >= last && column <= last + 1);
		last = column;
		most = column > most ? column : most;
	}
	assert_int_equal(most, PICTURE_COLUMNS - 1);
}

static void heights_are_relative_and_the_least_is_seen(void **state)
{
	struct histogram histogram = {0};
	char text[PICTURE_TEXT_LEN];

	(void)state;
	for (int i = 0; i < 100000; i++)
		histogram_record(&histogram, 1500 * NS_PER_MS);
	for (int i = 0; i < 50000; i++)
		histogram_record(&histogram, 1500);
	histogram_record(&histogram, 1500 * NS_PER_US);
	text_picture(&plain, &histogram, text);
	assert_int_equal(text[8], '#');
	assert_true(text[0] != ' ' && text[0] != '#');
	assert_int_equal(text[4], '.');
	text_picture(&unicode, &histogram, text);
	assert_string_equal(text, "▄   ▁   █       ");
	histogram_clear(&histogram);
}

static void the_widest_picture_fits(void **state)
{
	struct histogram histogram = {0};
	char text[PICTURE_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		counters_add(&histogram.buckets, i, UINT64_MAX / HISTOGRAM_BUCKETS);
	text_picture(&unicode, &histogram, text);
	histogram_clear(&histogram);
	assert_int_equal(strlen(text), PICTURE_COLUMNS * 3);
}

static void colour_is_all_or_nothing(void **state)
{
	(void)state;
	assert_string_equal(text_bold(&plain), "");
	assert_string_equal(text_red(&plain), "");
	assert_string_equal(text_dim(&plain), "");
	assert_string_equal(text_plain(&plain), "");
	assert_int_equal(text_bold(&coloured)[0], '\033');
	assert_int_equal(text_red(&coloured)[0], '\033');
	assert_int_equal(text_dim(&coloured)[0], '\033');
	assert_string_equal(text_plain(&coloured), "\033[0m");
}

static FILE *open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	return fdopen(slave, "w"); /* the master ends with the test */
}

static void colour_is_for_terminals_that_want_it(void **state)
{
	FILE *terminal = open_terminal(), *file = tmpfile();

	(void)state;
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_true(text_style_of(terminal).colour);
	assert_false(text_style_of(file).colour);
	setenv("NO_COLOR", "1", 1);
	assert_false(text_style_of(terminal).colour);
	setenv("NO_COLOR", "", 1); /* no-color.org: "when present and not an empty string" */
	assert_true(text_style_of(terminal).colour);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(text_style_of(terminal).colour);
	unsetenv("TERM");
	assert_false(text_style_of(terminal).colour);
	fclose(terminal);
	fclose(file);
}

static void unicode_goes_by_the_locale(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(setlocale(LC_ALL, "C"));
	assert_false(text_style_of(file).unicode);
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	assert_true(text_style_of(file).unicode);
	setlocale(LC_ALL, "C");
	fclose(file);
}

static void marks_without_width_are_not_shown(void **state)
{
	(void)state;
	check_process(&unicode, "a\xe2\x80\xaegnp", 1, "a?gnp[1]"); /* U+202E turns text around */
	check_process(&unicode, "a\xe2\x80\x8b.b", 1, "a?.b[1]");   /* U+200B */
}

/* What turns text around, joins, fills or is a blank: whatever width a locale gives it. */
static void nothing_invisible_is_shown(void **state)
{
	static const char *const marks[] = {
		"\xc2\xad",	/* U+00AD soft hyphen */
		"\xd8\x9c",	/* U+061C Arabic letter mark */
		"\xe2\x80\x8d", /* U+200D zero width joiner */
		"\xe2\x80\x8e", /* U+200E left-to-right mark */
		"\xe2\x80\x8f", /* U+200F right-to-left mark */
		"\xe2\x80\xa8", /* U+2028 line separator */
		"\xe2\x80\xaa", /* U+202A left-to-right embedding */
		"\xe2\x80\xab",	    "\xe2\x80\xac", "\xe2\x80\xad",
		"\xe2\x80\xae",	    "\xe2\x81\xa6", /* U+2066 left-to-right isolate */
		"\xe2\x81\xa7",	    "\xe2\x81\xa8", "\xe2\x81\xa9",
		"\xe2\x81\xa0",	    "\xe2\xa0\x80", /* U+2800 blank pattern */
		"\xe3\x85\xa4",			    /* U+3164 Hangul filler, two columns wide */
		"\xef\xbb\xbf",			    /* U+FEFF */
		"\xef\xbf\xb9",			    /* U+FFF9 */
		"\xf3\xa0\x81\x81",		    /* U+E0041 tag A */
	};

	(void)state;
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		char name[16], text[64] = "";
		FILE *file = fmemopen(text, sizeof(text), "w");

		snprintf(name, sizeof(name), "a%sb", marks[i]);
		check_process(&unicode, name, 1, "a?b[1]");
		text_put_name(&unicode, file, name);
		fclose(file);
		assert_string_equal(text, "a?b");
	}
	check_process(&unicode, "\xd7\xa9\xd7\x9c", 1, "\xd7\xa9\xd7\x9c[1]"); /* Hebrew is text */
	check_process(&unicode, "\xd8\xa3", 1, "\xd8\xa3[1]");		       /* so is Arabic */
}

static void padding_goes_by_columns_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(text_padding(&plain, "abc[1]", 10), 4);
	assert_int_equal(text_padding(&unicode, "caf\xc3\xa9[1]", 10), 3);
	assert_int_equal(text_padding(&unicode, "\xe6\x97\xa5[1]", 10), 5); /* two columns wide */
	assert_int_equal(text_padding(&unicode, "longer than that[1]", 10), 0);
	assert_int_equal(text_padding(&plain, "", 10), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_are_named_with_their_pid),
		cmocka_unit_test(folded_processes_say_how_many),
		cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
		cmocka_unit_test(invalid_utf8_becomes_question_marks),
		cmocka_unit_test(marks_without_width_are_not_shown),
		cmocka_unit_test(nothing_invisible_is_shown),
		cmocka_unit_test(padding_goes_by_columns_not_bytes),
		cmocka_unit_test(other_characters_need_a_unicode_terminal),
		cmocka_unit_test(random_names_are_made_harmless),
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(pictures_stand_over_their_axis),
		cmocka_unit_test(columns_rise_with_the_duration),
		cmocka_unit_test(heights_are_relative_and_the_least_is_seen),
		cmocka_unit_test(the_widest_picture_fits),
		cmocka_unit_test(colour_is_all_or_nothing),
		cmocka_unit_test(colour_is_for_terminals_that_want_it),
		cmocka_unit_test(unicode_goes_by_the_locale),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* widths of characters are the locale's */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
