// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The process of COMMAND: when it runs, as whom, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static int wait_for(struct command *command)
{
	struct pollfd ended = {.fd = command->pidfd, .events = POLLIN};

	assert_int_equal(poll(&ended, 1, 10000), 1);
	assert_false(command_runs(command));
	return command_exit_status(command);
}

static int run(char *const *argv)
{
	struct command command;
	int status;

	assert_int_equal(command_start(&command, argv, NULL), STATUS_OK);
	assert_true(command_runs(&command));
	command_begin(&command);
	status = wait_for(&command);
	command_free(&command);
	return status;
}

static void statuses_are_passed_on(void **state)
{
	(void)state;
	assert_int_equal(run(ARGV("true")), 0);
	assert_int_equal(run(ARGV("sh", "-c", "exit 7")), 7);
	assert_int_equal(run(ARGV("sh", "-c", "kill -9 $$")), 137);
	assert_int_equal(run(ARGV("/bin/sh", "-c", "kill -TERM $$")), 143);
}

static int start_fails(char *const *argv, const char *user)
{
	struct command command;
	int status = command_start(&command, argv, user);

	command_free(&command);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
	assert_int_equal(errno, ECHILD);
	return status;
}

static void programs_that_cannot_be_run_are_known_before(void **state)
{
	char *path = strdup(getenv("PATH"));

	(void)state;
	assert_int_equal(start_fails(ARGV("no-such-program-anywhere"), NULL), 127);
	assert_int_equal(start_fails(ARGV("/nonexistent/program"), NULL), 127);
	assert_int_equal(start_fails(ARGV("/etc/passwd/program"), NULL), 127);
	assert_int_equal(start_fails(ARGV("/etc/passwd"), NULL), 126);
	assert_int_equal(start_fails(ARGV("/etc"), NULL), 126);
	setenv("PATH", "/nonexistent:/etc", 1);
	assert_int_equal(start_fails(ARGV("true"), NULL), 127);
	assert_int_equal(start_fails(ARGV("passwd"), NULL), 126);
	setenv("PATH", "/etc::/bin", 1);
	assert_int_equal(run(ARGV("true")), 0);
	unsetenv("PATH");
	assert_int_equal(run(ARGV("true")), 0);
	setenv("PATH", path, 1);
	free(path);
}

/* The look before cannot know that the file is none of a program. */
static void what_execve_refuses_is_126(void **state)
{
	char path[] = "/tmp/tcpwatch-test-command-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "#!/nonexistent/shell\n", 21), 21);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	assert_int_equal(run(ARGV(path)), 127);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "\177ELF broken", 11), 11);
	assert_int_equal(run(ARGV(path)), 126); /* still being written: ETXTBSY */
	close(fd);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "exit 5\n", 7), 7); /* no #!: a shell's */
	close(fd);
	assert_int_equal(run(ARGV(path)), 5);
	unlink(path);
}

static void it_waits_until_it_may_begin(void **state)
{
	struct pollfd ended = {.events = POLLIN};
	struct command command;
	char file[] = "/tmp/tcpwatch-test-command-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	close(fd);
	assert_int_equal(command_start(&command, ARGV("rm", file), NULL), STATUS_OK);
	ended.fd = command.pidfd;
	assert_int_equal(poll(&ended, 1, 50), 0);
	command_free(&command); /* never let run */
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	unlink(file);
}

static void killed_before_it_begins(void **state)
{
	const struct signalfd_siginfo sigterm = {.ssi_signo = SIGTERM, .ssi_code = SI_USER};
	struct command command;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(command_start(&command, ARGV("true"), NULL), STATUS_OK);
	command_pass_signal(&command, &sigterm);
	assert_int_equal(wait_for(&command), 143);
	command_begin(&command);
	command_pass_signal(&command, &sigterm); /* goes nowhere */
	command_free(&command);
	signal(SIGPIPE, SIG_DFL);
}

static void unknown_users_are_wrong_usage(void **state)
{
	(void)state;
	assert_int_equal(start_fails(ARGV("true"), "no-such-user-here"), STATUS_USAGE);
	assert_int_equal(start_fails(ARGV("true"), "4294967295"), STATUS_USAGE);
	assert_int_equal(start_fails(ARGV("true"), "99999999999"), STATUS_USAGE);
}

/* Only root can; who is nobody already can stay so. */
static void users_are_taken_on(void **state)
{
	struct command command;
	int status = STATUS_CANNOT;

	(void)state;
	if (geteuid()) {
		assert_int_equal(start_fails(ARGV("true"), "root"), STATUS_CANNOT);
		return;
	}
	assert_int_equal(command_start(&command,
				       ARGV("sh", "-c",
					    "test $(id -un) = nobody -a \"$(id -G)\" = $(id -g) -a "
					    "$USER-$LOGNAME-$HOME = nobody-nobody-/nonexistent"),
				       "65534"),
			 STATUS_OK);
	command_begin(&command);
	status = wait_for(&command);
	command_free(&command);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_are_passed_on),
		cmocka_unit_test(programs_that_cannot_be_run_are_known_before),
		cmocka_unit_test(what_execve_refuses_is_126),
		cmocka_unit_test(it_waits_until_it_may_begin),
		cmocka_unit_test(killed_before_it_begins),
		cmocka_unit_test(unknown_users_are_wrong_usage),
		cmocka_unit_test(users_are_taken_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
