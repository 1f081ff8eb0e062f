// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* --suppressions and --gen-suppressions on the command line. */
#include "options_run.h"

#include "leak/suppressions.h"

static char path[] = "/tmp/test-options-leaks-XXXXXX";

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	environment_clean();
	return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void without_them_nothing_is_ignored(void **state)
{
	struct options options;

	(void)state;
	assert_null(parse_both(&options, ARGUMENTS(NULL)));
	assert_null(options.suppressions);
	assert_false(options.gen_suppressions);
	options_free(&options);
}

static void the_file_is_read_at_once(void **state)
{
	struct suppressions *suppressions;
	struct options options;

	(void)state;
	write_file("# pools\nunread:->\n");
	suppressions =
		parse_both(&options, ARGUMENTS("--suppressions", path, "--gen-suppressions"));
	write_file("leak:later\n");
	assert_string_equal(options.suppressions, path);
	assert_non_null(suppressions);
	assert_string_equal(suppressions_at(suppressions, 0)->text, "unread:->");
	assert_null(suppressions_at(suppressions, 1));
	assert_true(options.gen_suppressions);
	options_free(&options);
	suppressions_free(suppressions);
}

static void check_refused(const char *const *arguments, const char *begins, const char *has)
{
	struct outcome outcome;

	run(&outcome, arguments);
	assert_int_equal(outcome.status, 2);
	assert_string_equal(outcome.out, "");
	if (strncmp(outcome.err, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", outcome.err, begins);
	check_text(outcome.err, has);
	assert_ptr_equal(strchr(outcome.err, '\n'), outcome.err + strlen(outcome.err) - 1);
}

static void wrong_files_are_refused(void **state)
{
	(void)state;
	write_file("leak:ok\n\nhandle_conn\n");
	check_refused(ARGUMENTS("--suppressions", path), "tcpwatch: --suppressions: /tmp/",
		      ":3: 'handle_conn': a suppression is KIND:PATTERN");
	check_refused(ARGUMENTS("--suppressions=/nonexistent"),
		      "tcpwatch: --suppressions: /nonexistent: cannot be read", "No such file");
	check_refused(ARGUMENTS("--suppressions="), "tcpwatch: --suppressions: : cannot be read",
		      "No such file");
	write_file("leak:ok\n");
	check_refused(ARGUMENTS("--suppressions", path, "--suppressions", path),
		      "tcpwatch: --suppressions: ", "one file only");
}

static void help_names_them(void **state)
{
	struct outcome outcome;
	const char *report, *serving, *option;

	(void)state;
	run(&outcome, ARGUMENTS("--help"));
	report = strstr(outcome.out, "What to report:");
	serving = strstr(outcome.out, "Serving:");
	option = strstr(outcome.out, "--suppressions=FILE");
	assert_true(report && option && serving && report < option && option < serving);
	option = strstr(outcome.out, "--gen-suppressions ");
	assert_true(option && report < option && option < serving);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_them_nothing_is_ignored),
		cmocka_unit_test(the_file_is_read_at_once),
		cmocka_unit_test(wrong_files_are_refused),
		cmocka_unit_test(help_names_them),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
