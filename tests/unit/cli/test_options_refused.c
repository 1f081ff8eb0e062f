// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "options_run.h"

#define UNUSED_PID "4194304" /* one above the highest that Linux gives */

/* Wrong usage: status 2, nothing on stdout, and a message that begins so on stderr. */
static void run_refused(struct outcome *outcome, const char *const *arguments, const char *message)
{
	run(outcome, arguments);
	if (outcome->status != 2)
		fail_msg("status %d, not 2, where \"%s\" was due", outcome->status, message);
	assert_string_equal(outcome->out, "");
	if (strncmp(outcome->err, message, strlen(message)))
		fail_msg("\"%s\" does not begin with \"%s\"", outcome->err, message);
}

static void check_refused(const char *const *arguments, const char *message)
{
	struct outcome outcome;

	run_refused(&outcome, arguments, message);
}

/* The same, and the message is a single line that says what would be right. */
static void check_value_refused(const char *const *arguments, const char *message,
				const char *right)
{
	struct outcome outcome;
	size_t length;

	run_refused(&outcome, arguments, message);
	length = strlen(outcome.err);
	assert_true(length > 0);
	assert_ptr_equal(strchr(outcome.err, '\n'), outcome.err + length - 1);
	check_text(outcome.err, right);
}

static void wrong_pids_are_refused(void **state)
{
	static const char right[] = "numbers from 1 to 4194304";

	(void)state;
	check_value_refused(ARGUMENTS("-p", "0"), "tcpwatch: -p: '0' is not a process id", right);
	check_value_refused(ARGUMENTS("-p", "1,x"), "tcpwatch: -p: 'x' is not a", right);
	check_value_refused(ARGUMENTS("--pid=nginx"), "tcpwatch: -p: 'nginx' is not a", right);
	check_value_refused(ARGUMENTS("-p", "-1"), "tcpwatch: -p: '-1' is not a", right);
	check_value_refused(ARGUMENTS("-p", "+1"), "tcpwatch: -p: '+1' is not a", right);
	check_value_refused(ARGUMENTS("-p", "1 "), "tcpwatch: -p: '1 ' is not a", right);
	check_value_refused(ARGUMENTS("-p", "0x1"), "tcpwatch: -p: '0x1' is not a", right);
	check_value_refused(ARGUMENTS("-p", "1.0"), "tcpwatch: -p: '1.0' is not a", right);
	check_value_refused(ARGUMENTS("-p", ""), "tcpwatch: -p: '' is not a", right);
	check_value_refused(ARGUMENTS("-p", ","), "tcpwatch: -p: '' is not a", right);
	check_value_refused(ARGUMENTS("-p", ",1"), "tcpwatch: -p: '' is not a", right);
	check_value_refused(ARGUMENTS("-p", "1,"), "tcpwatch: -p: '' is not a", right);
	check_value_refused(ARGUMENTS("-p", "1,,1"), "tcpwatch: -p: '' is not a", right);
	check_value_refused(ARGUMENTS("-p", "1\n2"), "tcpwatch: -p: '1?2' is not a", right);
}

static void pids_of_nobody_are_refused(void **state)
{
	char gone[32], message[64];
	pid_t child;

	(void)state;
	check_value_refused(ARGUMENTS("-p", UNUSED_PID), "tcpwatch: -p: no process " UNUSED_PID,
			    "");
	check_value_refused(ARGUMENTS("-p", "1," UNUSED_PID), "tcpwatch: -p: no process 4194304",
			    "");
	check_value_refused(ARGUMENTS("-p", "99999999"), "tcpwatch: -p: no process 99999999", "");
	/* Pid 1, if cut to 32 or 64 bits. */
	check_value_refused(ARGUMENTS("-p", "4294967297"), "tcpwatch: -p: no process 4294967297",
			    "");
	check_value_refused(ARGUMENTS("-p", "18446744073709551617"),
			    "tcpwatch: -p: no process 18446744073709551617", "");

	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(gone, sizeof(gone), "%d", child);
	snprintf(message, sizeof(message), "tcpwatch: -p: no process %d", child);
	check_value_refused(ARGUMENTS("-p", gone), message, "");
}

static void wrong_ports_are_refused(void **state)
{
	static const char *const lists[] = {"0",      "65536", "http",	     "",      "80,", ",80",
					    "80,,81", "-1",    "4294967376", "80-90", "80 "};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		check_value_refused(ARGUMENTS("-L", lists[i]), "tcpwatch: -L: '", "1 to 65535");
		check_value_refused(ARGUMENTS("-D", lists[i]), "tcpwatch: -D: '", "1 to 65535");
	}
	check_value_refused(ARGUMENTS("-L", "80,65536"), "tcpwatch: -L: '65536' is not a port", "");
}

static void wrong_comms_are_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("-n", ""), "tcpwatch: -n: '' is not", "15 bytes");
	check_value_refused(ARGUMENTS("-n", "1234567890123456"),
			    "tcpwatch: -n: '1234567890123456' is too long", "15 bytes");
}

static void wrong_durations_are_refused(void **state)
{
	static const char right[] = "a number with ns, us, ms, s, m, h or d";

	(void)state;
	check_value_refused(ARGUMENTS("-w", "5parsecs"),
			    "tcpwatch: -w: '5parsecs' is not a duration: ", right);
	check_value_refused(ARGUMENTS("-w-1"), "tcpwatch: -w: '-1' is not a duration: ", right);
	check_value_refused(ARGUMENTS("-w", ""), "tcpwatch: -w: '' is not a duration: ", right);
	check_value_refused(ARGUMENTS("-w", "101000d"), "tcpwatch: -w: '101000d' is too long",
			    "100 years");
	check_value_refused(ARGUMENTS("-i", "x"), "tcpwatch: -i: 'x' is not a duration: ", right);
	check_value_refused(ARGUMENTS("-i", "0"), "tcpwatch: -i: '0' ", "above 0");
	check_value_refused(ARGUMENTS("--interval=0ms"), "tcpwatch: -i: '0ms' ", "above 0");
	check_value_refused(ARGUMENTS("-i", "1ns"), "tcpwatch: -i: '1ns' ", "at least 10ms");
	check_value_refused(ARGUMENTS("-i", "9.999999ms"), "tcpwatch: -i: '9.999999ms' ",
			    "at least 10ms");
	check_value_refused(ARGUMENTS("-d", "1e3"),
			    "tcpwatch: -d: '1e3' is not a duration: ", right);
	check_value_refused(ARGUMENTS("-d", "0"), "tcpwatch: -d: '0' ", "above 0");
}

static void wrong_ring_sizes_are_refused(void **state)
{
	static const char *const wrong[] = {"0",   "1",	   "2048",	  "4095", "4097",
					    "12K", "2G",   "-4096",	  "16MB", "",
					    "x",   "1.5M", "17179869184G"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		check_value_refused(ARGUMENTS("--ring-size", wrong[i]), "tcpwatch: --ring-size: '",
				    "a power of two, at least 4096 (the page size) and at most 1G");
}

static void unreadable_btf_is_refused(void **state)
{
	static const char right[] = "give a file such as /sys/kernel/btf/vmlinux";

	(void)state;
	check_value_refused(ARGUMENTS("--btf=/nowhere/vmlinux"),
			    "tcpwatch: --btf: '/nowhere/vmlinux' cannot be read: No such file or "
			    "directory; ",
			    right);
	check_value_refused(ARGUMENTS("--btf", ""),
			    "tcpwatch: --btf: '' cannot be read: No such file or directory", right);
	check_value_refused(ARGUMENTS("--btf=/dev/null/x"),
			    "tcpwatch: --btf: '/dev/null/x' cannot be read: Not a directory",
			    right);
	check_value_refused(ARGUMENTS("--btf=a\n\033[31mb"),
			    "tcpwatch: --btf: 'a??[31mb' cannot be read", right);
}

static void contradictions_are_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("-4", "-6"), "tcpwatch: -4 and -6 ", "");
	check_value_refused(ARGUMENTS("-64"), "tcpwatch: -4 and -6 ", "");
	check_value_refused(ARGUMENTS("-f"), "tcpwatch: -f needs -p", "");
	check_value_refused(ARGUMENTS("-f", "-n", "nginx"), "tcpwatch: -f needs -p", "");
}

#define WEB "--web.listen-address=127.0.0.1:0"

static void wrong_labels_are_refused(void **state)
{
	static const char right[] = "pid, cgroup or netns, separated by commas";

	(void)state;
	check_value_refused(ARGUMENTS(WEB, "--label=uid"),
			    "tcpwatch: --label: 'uid' is not a label", right);
	check_value_refused(ARGUMENTS(WEB, "--label", ""), "tcpwatch: --label: '' is not", right);
	check_value_refused(ARGUMENTS(WEB, "--label=pid,"), "tcpwatch: --label: '' is not", right);
	check_value_refused(ARGUMENTS(WEB, "--label=pid,PID"), "tcpwatch: --label: 'PID' is not",
			    right);
	check_value_refused(ARGUMENTS(WEB, "--label=pi"), "tcpwatch: --label: 'pi' is not", right);
	check_value_refused(ARGUMENTS(WEB, "--label=comm"), "tcpwatch: --label: 'comm' is not",
			    right);
	check_value_refused(ARGUMENTS(WEB, "--label=a\n\033[31mb"),
			    "tcpwatch: --label: 'a??[31mb' is not", right);
}

static void wrong_numbers_of_groups_are_refused(void **state)
{
	static const char *const wrong[] = {"0",   "10001", "-1",     "+1",
					    " 1",  "1 ",    "x",      "",
					    "1.5", "1K",    "100000", "18446744073709551617"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char message[80];

		snprintf(message, sizeof(message), "tcpwatch: --max-groups: '%s' is not a number",
			 wrong[i]);
		check_value_refused(ARGUMENTS(WEB, "--max-groups", wrong[i]), message,
				    "give a number from 1 to 10000");
	}
	check_value_refused(ARGUMENTS(WEB, "--max-groups=1\n2"),
			    "tcpwatch: --max-groups: '1?2' is not a number", "");
}

static void web_options_without_an_address_are_refused(void **state)
{
	static const char *const options[] = {"--label=pid", "--label=netns", "--max-groups=1",
					      "--max-groups=100", "--web.config.file=x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char message[80];

		snprintf(message, sizeof(message), "tcpwatch: %.*s needs --web.listen-address or ",
			 (int)strcspn(options[i], "="), options[i]);
		check_value_refused(ARGUMENTS(options[i]), message, "--web.systemd-socket");
	}
}

#define HELP "see tcpwatch --help"

static void what_is_no_option_is_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("--bogus"), "tcpwatch: --bogus: no such option", HELP);
	check_value_refused(ARGUMENTS("--bogus=1"), "tcpwatch: --bogus: no such option", HELP);
	check_value_refused(ARGUMENTS("--=1"), "tcpwatch: --: no such option", HELP);
	check_value_refused(ARGUMENTS("--a\n\033[31mb"), "tcpwatch: --a??[31mb: no such", HELP);
	check_value_refused(ARGUMENTS("-Z"), "tcpwatch: -Z: no such option", HELP);
	check_value_refused(ARGUMENTS("-tZj"), "tcpwatch: -Z: no such option", HELP);
	check_value_refused(ARGUMENTS("-\xc3\xa9"), "tcpwatch: -?: no such option", HELP);
	check_refused(ARGUMENTS("nginx"), "tcpwatch: unexpected argument: 'nginx'");
	check_refused(ARGUMENTS("-p", "1", "1"), "tcpwatch: unexpected argument: '1'");
	check_refused(ARGUMENTS("nginx", "--", "true"), "tcpwatch: unexpected argument: 'nginx'");
	check_refused(ARGUMENTS("-t", ""), "tcpwatch: unexpected argument: ''");
}

static void missing_values_are_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("-p"), "tcpwatch: -p: the value is missing: -p PID[,PID...]",
			    HELP);
	check_value_refused(ARGUMENTS("-td"), "tcpwatch: -d: the value is missing: -d DURATION",
			    HELP);
	check_value_refused(ARGUMENTS("--pid"),
			    "tcpwatch: --pid: the value is missing: --pid=PID[,PID...]", HELP);
	check_value_refused(ARGUMENTS("--web.l"),
			    "tcpwatch: --web.listen-address: the value is missing: "
			    "--web.listen-address=[HOST]:PORT",
			    HELP);
	check_value_refused(ARGUMENTS("--btf"), "tcpwatch: --btf: the value is missing", HELP);
	check_value_refused(ARGUMENTS("--explain"), "tcpwatch: --explain: the value is missing",
			    HELP);
	check_value_refused(ARGUMENTS("-f", "-p"), "tcpwatch: -p: the value is missing", HELP);
}

static void values_of_options_without_one_are_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("--trace=1"),
			    "tcpwatch: --trace: it takes no value, but '1' was given", "");
	check_value_refused(ARGUMENTS("--js=\033c"),
			    "tcpwatch: --json: it takes no value, but '?c' was given", "");
}

static void ambiguous_options_are_refused(void **state)
{
	(void)state;
	check_value_refused(ARGUMENTS("--co="), "tcpwatch: -n: '' is not", "");
	check_value_refused(ARGUMENTS("--web.s=1"),
			    "tcpwatch: --web.systemd-socket: it takes no value", "");
	check_value_refused(
		ARGUMENTS("--ver"),
		"tcpwatch: --ver: several options begin like this: ", "--verbose, --version");
	check_value_refused(ARGUMENTS("--web=1"), "tcpwatch: --web: several options begin like ",
			    "--web.listen-address, --web.config.file, --web.systemd-socket");
}

/* A command line is read from left to right. */
static void the_first_fault_is_reported(void **state)
{
	struct outcome outcome;

	(void)state;
	check_value_refused(ARGUMENTS("-w", "x", "-Z"), "tcpwatch: -w: 'x'", "");
	check_value_refused(ARGUMENTS("-Z", "-w", "x"), "tcpwatch: -Z: ", "");
	check_value_refused(ARGUMENTS("-4", "-6", "-p"), "tcpwatch: -p: ", "");
	run(&outcome, ARGUMENTS("--version", "-Z"));
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.err, "");
}

/* The ids that there are come along. */
static void unknown_pages_are_refused(void **state)
{
	static const char *const wrong[] = {"--explain=x", "--explain=time", "--explain="};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct outcome outcome;
		char message[80];

		snprintf(message, sizeof(message),
			 "tcpwatch: --explain: '%s' is not a finding or a state\nFindings: ",
			 strchr(wrong[i], '=') + 1);
		run_refused(&outcome, ARGUMENTS(wrong[i]), message);
		check_text(outcome.err, " descriptor-leak\nStates: SYN_SENT ");
		check_text(outcome.err, " CLOSE\n");
	}
}

/* The contract has them, this version has not; argp's own hidden ones neither. */
static void options_to_come_are_refused(void **state)
{
	static const char *const options[] = {
		"-o",	      "-ox",	   "--record=x", "--replay=x",
		"--cgroup=/", "--netns=1", "--HANG",	 "--program-name=x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		check_refused(ARGUMENTS(options[i]), "tcpwatch: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_pages_are_refused),
		cmocka_unit_test(wrong_pids_are_refused),
		cmocka_unit_test(pids_of_nobody_are_refused),
		cmocka_unit_test(wrong_ports_are_refused),
		cmocka_unit_test(wrong_comms_are_refused),
		cmocka_unit_test(wrong_durations_are_refused),
		cmocka_unit_test(wrong_ring_sizes_are_refused),
		cmocka_unit_test(unreadable_btf_is_refused),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(wrong_labels_are_refused),
		cmocka_unit_test(wrong_numbers_of_groups_are_refused),
		cmocka_unit_test(web_options_without_an_address_are_refused),
		cmocka_unit_test(what_is_no_option_is_refused),
		cmocka_unit_test(missing_values_are_refused),
		cmocka_unit_test(values_of_options_without_one_are_refused),
		cmocka_unit_test(ambiguous_options_are_refused),
		cmocka_unit_test(the_first_fault_is_reported),
		cmocka_unit_test(options_to_come_are_refused),
	};

	environment_clean();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
