// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* -- COMMAND on the command line, and the options that go with it. */
#include "options_run.h"

static void command_is_all_behind_the_dashes(void **state)
{
	static const char *const words[] = {"make", "-p", "--", "-j2", "--help", "", "--pid=x"};
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-t", "--", "make", "-p", "--", "-j2", "--help", "", "--pid=x"));
	assert_true(options.trace);
	assert_true(options.follow_forks);
	assert_int_equal(options.pid_count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_string_equal(options.command[i], words[i]);
	assert_null(options.command[ARRAY_SIZE(words)]);
	assert_null(options.user);
	options_free(&options);
}

static void none_is_none(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-t"));
	assert_null(options.command);
	assert_false(options.follow_forks);
	assert_int_equal(options.error_exitcode, 0);
	assert_null(options.output);
	options_free(&options);
}

static void options_of_a_command_are_taken(void **state)
{
	struct options options;

	(void)state;
	setenv("POSIXLY_CORRECT", "1", 1);
	parse(&options, ARGUMENTS("--user=nobody", "--error-exitcode", "255", "-f", "--output=out",
				  "-w", "0", "--", "true"));
	unsetenv("POSIXLY_CORRECT");
	assert_string_equal(options.user, "nobody");
	assert_int_equal(options.error_exitcode, 255);
	assert_string_equal(options.output, "out");
	assert_string_equal(options.command[0], "true");
	assert_null(options.command[1]);
	assert_int_equal(options.close_wait_ns, 0);
	options_free(&options);
	parse(&options, ARGUMENTS("--error-exitcode=1")); /* in every mode */
	assert_int_equal(options.error_exitcode, 1);
	options_free(&options);
}

static void check_refused(const char *const *arguments, const char *message)
{
	struct outcome outcome;

	run(&outcome, arguments);
	assert_string_equal(outcome.out, "");
	check_text(outcome.err, message);
	assert_int_equal(outcome.status, 2);
}

static void what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	check_refused(ARGUMENTS("--"), "tcpwatch: --: no COMMAND follows");
	check_refused(ARGUMENTS("-t", "--"), "tcpwatch: --: no COMMAND follows");
	check_refused(ARGUMENTS("--", ""), "tcpwatch: COMMAND: '' is empty");
	check_refused(ARGUMENTS("make", "test"), "unexpected argument: 'make'");
	check_refused(ARGUMENTS("make", "test"), "a command to start comes after --");
	check_refused(ARGUMENTS("-t", "make", "--", "test"), "unexpected argument: 'make'");
	check_refused(ARGUMENTS("-p", "1", "--", "true"), "-p and -- COMMAND exclude each other");
	check_refused(ARGUMENTS("-n", "a", "--", "true"), "-n and -- COMMAND exclude each other");
	check_refused(ARGUMENTS("--features", "--", "true"), "--features and -- COMMAND exclude");
	check_refused(ARGUMENTS("--user=nobody"), "--user needs a command");
	check_refused(ARGUMENTS("--user="), "--user: '' is empty");
	check_refused(ARGUMENTS("--output="), "--output: '' is empty");
	check_refused(ARGUMENTS("-f"), "-f needs -p PID");
}

static void exit_codes_are_1_to_255(void **state)
{
	static const char *const wrong[] = {"0",  "256",  "-1", "",    "x",
					    "1x", "0x10", " 3", "999", "99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char message[120];

		snprintf(
			message, sizeof(message),
			"tcpwatch: --error-exitcode: '%s' is not an exit status: give a number from 1 to 255",
			wrong[i]);
		check_refused(ARGUMENTS("--error-exitcode", wrong[i], "--", "true"), message);
	}
	check_refused(ARGUMENTS("--error-exitcode=\033[1m"), "'?[1m'");
	check_refused(ARGUMENTS("--error-exitcode=125"),
		      "--error-exitcode: '125' is the status of an incomplete answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_is_all_behind_the_dashes),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(options_of_a_command_are_taken),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(exit_codes_are_1_to_255),
	};

	environment_clean();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
