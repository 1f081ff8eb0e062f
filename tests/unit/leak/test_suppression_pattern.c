// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "leak/suppression_pattern.h"
#include "base/units.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static struct suppression_pattern *pattern_of(const char *text)
{
	const char *wrong = "untouched";
	struct suppression_pattern *pattern = suppression_pattern_new(text, strlen(text), &wrong);

	if (!pattern)
		fail_msg("'%s': %s", text, wrong);
	assert_null(wrong);
	return pattern;
}

static bool matches(const char *text, const char *subject)
{
	struct suppression_pattern *pattern = pattern_of(text);
	bool found = suppression_pattern_match(pattern, subject, strlen(subject));

	suppression_pattern_free(pattern);
	return found;
}

static void patterns_match_as_in_the_table(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool wanted;
	} table[] = {
		{"conn", "handle_conn", true},
		{"conn", "conn", true},
		{"conn", "con", false},
		{"Conn", "handle_conn", false},
		{"conn", "", false},
		{"^conn", "connect", true},
		{"^conn", "handle_conn", false},
		{"conn$", "handle_conn", true},
		{"conn$", "connect", false},
		{"^conn$", "conn", true},
		{"^conn$", "conn_conn", false},
		{"ab$", "abab", true}, /* the last one, not the first */
		{"*", "x", true},
		{"*", "", false},
		{"^*$", "anything", true},
		{"**", "x", true},
		{"^a*b$", "ab", true},
		{"^a*b$", "a--b", true},
		{"^a*b$", "a--bc", false},
		{"^a*b$", "xa--b", false},
		{"^ab*bc$", "abc", false}, /* no byte is used twice */
		{"^ab*bc$", "abbc", true},
		{"a*b", "b-a", false},
		{"a*b", "--a--b--", true},
		{"^*b$", "aab", true},
		{"^*b$", "aabc", false},
		{"^a*$", "abc", true},
		{"^a*$", "babc", false},
		{"^a*a*a$", "aa", false},
		{"^a*a*a$", "aaa", true},
		{"a^b", "a^b", true},
		{"a$b", "a$b", true},
		{"^^a", "^a", true},
		{"^^a", "a", false},
		{"a$$", "a$", true},
		{"a$$", "a", false},
		{"\\^a", "x^a", true},
		{"\\^a", "a", false},
		{"a\\$", "a$b", true},
		{"a\\$", "a", false},
		{"a\\$$", "a$", true},
		{"operator\\*$", "operator*", true},
		{"operator\\*$", "operator new", false},
		{"a\\\\b", "a\\b", true},
		{"a\\\\*b", "a\\--b", true},
		{"\\x41\\x2a", "A*", true},
		{"\\x41\\x2a", "AB", false},
		{"^\\xC3\\xa9$", "\xc3\xa9", true},
		{"^\\x20", " x", true},
		{":443$", "192.0.2.5:443", true},
		{":80", "10.0.0.1:8080", true},
		{":80$", "10.0.0.1:8080", false},
		{"->", "-> 10.0.0.7:5432", true},
		{"->", "10.0.0.1:80 <- 10.0.0.7:5432", false},
		{"^std::vector<*>::*$", "std::vector<int>::push_back", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (matches(table[i].pattern, table[i].text) != table[i].wanted)
			fail_msg("'%s' and '%s'", table[i].pattern, table[i].text);
}

static void what_is_no_pattern_is_refused(void **state)
{
	static const struct {
		const char *pattern;
		const char *wrong;
	} table[] = {
		{"", "there is no pattern"},	  {"^", "there is no pattern"},
		{"$", "there is no pattern"},	  {"^$", "there is no pattern"},
		{"\\", "\\ is followed by"},	  {"a\\", "\\ is followed by"},
		{"\\a", "\\ is followed by"},	  {"\\x", "\\ is followed by"},
		{"\\x4", "\\ is followed by"},	  {"\\x4g", "\\ is followed by"},
		{"a\\xg4b", "\\ is followed by"}, {"a\\x00b", "\\x00 is in no name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *text = table[i].pattern, *wrong = NULL;

		assert_null(suppression_pattern_new(text, strlen(text), &wrong));
		assert_non_null(wrong);
		if (strncmp(wrong, table[i].wrong, strlen(table[i].wrong)) != 0)
			fail_msg("'%s': %s", text, wrong);
	}
	suppression_pattern_free(NULL);
}

/* The pattern has this length, even if more bytes follow. */
static void the_length_ends_a_pattern(void **state)
{
	const char *wrong;
	struct suppression_pattern *pattern = suppression_pattern_new("^ab$c", 4, &wrong);

	(void)state;
	assert_non_null(pattern);
	assert_true(suppression_pattern_match(pattern, "abx", 2));
	assert_false(suppression_pattern_match(pattern, "abx", 3));
	suppression_pattern_free(pattern);
	assert_null(suppression_pattern_new("\\x41", 3, &wrong));
}

/* A simple matcher that tries everything, from byte `at` on. */
static bool slow_match(const char *pattern, const char *text)
{
	if (!*pattern)
		return true;
	if (!strcmp(pattern, "$"))
		return !*text;
	if (*pattern == '*')
		return slow_match(pattern + 1, text) || (*text && slow_match(pattern, text + 1));
	return *text == *pattern && slow_match(pattern + 1, text + 1);
}

static bool slow_search(const char *pattern, const char *text)
{
	if (!*text)
		return false;
	if (*pattern == '^')
		return slow_match(pattern + 1, text);
	for (; *text; text++)
		if (slow_match(pattern, text))
			return true;
	return slow_match(pattern, text);
}

static void random_text(char *text, size_t most, const char *alphabet)
{
	size_t length = (size_t)random() % (most + 1);

	for (size_t i = 0; i < length; i++)
		text[i] = alphabet[(size_t)random() % strlen(alphabet)];
	text[length] = '\0';
}

static void random_patterns_match_as_by_trying_everything(void **state)
{
	size_t tried = 0, matched = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		char pattern[10], text[12];
		bool wanted;

		random_text(pattern, sizeof(pattern) - 1, "aab*^$");
		random_text(text, sizeof(text) - 1, "aaab^$");
		if (strspn(pattern, "^") == strlen(pattern) || !strcmp(pattern, "$") ||
		    !strcmp(pattern, "^$"))
			continue;
		wanted = slow_search(pattern, text);
		if (matches(pattern, text) != wanted)
			fail_msg("'%s' and '%s': not %d", pattern, text, wanted);
		tried++;
		matched += wanted;
	}
	assert_true(tried > 150000 && matched > 10000 && matched < tried - 10000);
}

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Backtracking would take practically forever. */
static void many_stars_take_no_long_time(void **state)
{
	char pattern[4001], text[4001];
	uint64_t began = cpu_ns();

	(void)state;
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(pattern + i, "a*", 2);
	memcpy(pattern + 3998, "b$", 3);
	memset(text, 'a', 4000);
	text[4000] = '\0';
	for (int i = 0; i < 100; i++)
		assert_false(matches(pattern, text));
	assert_true(cpu_ns() - began < 2 * NS_PER_S);
}

static void a_quoted_text_matches_itself_and_nothing_else(void **state)
{
	(void)state;
	srandom(2);
	for (int i = 0; i < 20000; i++) {
		char text[16], other[16], quoted[16 * SUPPRESSION_QUOTED_LEN + 3] = "^";
		size_t length = 1 + (size_t)random() % 15, written;

		for (size_t j = 0; j < length; j++)
			text[j] = random() % 2 ? "*^$\\x0 "[random() % 7]
					       : (char)(1 + random() % 255);
		text[length] = '\0';
		written = suppression_pattern_quote(text, length, quoted + 1);
		assert_int_equal(strlen(quoted), written + 1);
		assert_true(written <= length * SUPPRESSION_QUOTED_LEN);
		for (size_t j = 0; j <= written; j++)
			assert_in_range(quoted[j], ' ', '~');
		assert_int_not_equal(quoted[1], ' ');
		assert_int_not_equal(quoted[written], ' ');
		memcpy(quoted + written + 1, "$", 2);
		assert_true(matches(quoted, text));
		memcpy(other, text, sizeof(other));
		other[(size_t)random() % length] ^= 1;
		if (strlen(other) == length)
			assert_false(matches(quoted, other));
		if (length > 1) {
			assert_false(matches(quoted, text + 1));
			text[length - 1] = '\0';
			assert_false(matches(quoted, text));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_in_the_table),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(the_length_ends_a_pattern),
		cmocka_unit_test(random_patterns_match_as_by_trying_everything),
		cmocka_unit_test(many_stars_take_no_long_time),
		cmocka_unit_test(a_quoted_text_matches_itself_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
