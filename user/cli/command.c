// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/shown.h"
#include "base/units.h"

#define DEFAULT_SHELL "/bin/sh"
#define UID_DIGITS    10

/* More sockets than this are not passed by systemd. */
#define OPEN_MAX_PASSED 4096

/* From SIGTERM to SIGKILL. */
#define KILL_AFTER_NS (10 * NS_PER_S)

#define WAIT_MAX_MS 1000

/* What the child writes to its parent: first before it waits, then if execvp() fails. */
struct report {
	enum { FAILED_NOTHING, FAILED_USER, FAILED_PROGRAM } failed;
	int error; /* errno */
};

struct identity {
	uid_t uid;
	gid_t gid;
	char *name; /* NULL: no change of user */
	char *home;
	char *shell;
};

static void identity_clear(struct identity *identity)
{
	free(identity->name);
	free(identity->home);
	free(identity->shell);
}

static const struct passwd *user_find(const char *user)
{
	const struct passwd *entry = getpwnam(user);
	size_t length = strlen(user);
	unsigned long uid;

	if (entry || !length || length > UID_DIGITS || strspn(user, "0123456789") != length)
		return entry;
	uid = strtoul(user, NULL, 10);
	return uid < UINT_MAX ? getpwuid((uid_t)uid) : NULL;
}

static enum exit_status identity_find(struct identity *identity, const char *user)
{
	const struct passwd *entry = user ? user_find(user) : NULL;
	char text[SHOWN_LEN];

	if (!user)
		return STATUS_OK;
	if (!entry) {
		journal_say(SD_ERR,
			    "--user: '%s' is not a user: give a name or uid that 'getent passwd' "
			    "lists",
			    shown(user, strlen(user), text));
		return STATUS_USAGE;
	}
	identity->uid = entry->pw_uid;
	identity->gid = entry->pw_gid;
	identity->name = strdup(entry->pw_name);
	identity->home = strdup(entry->pw_dir);
	identity->shell = strdup(*entry->pw_shell ? entry->pw_shell : DEFAULT_SHELL);
	if (identity->name && identity->home && identity->shell)
		return STATUS_OK;
	journal_say(SD_ERR, "out of memory");
	return STATUS_FAULT;
}

static int identity_take(const struct identity *identity)
{
	bool same = getuid() == identity->uid && geteuid() == identity->uid &&
		    getgid() == identity->gid && getegid() == identity->gid;

	if (!identity->name)
		return 0;
	if (!same && (initgroups(identity->name, identity->gid) || setgid(identity->gid) ||
		      setuid(identity->uid)))
		return errno;
	if (setenv("HOME", identity->home, 1) || setenv("SHELL", identity->shell, 1) ||
	    setenv("USER", identity->name, 1) || setenv("LOGNAME", identity->name, 1))
		return errno;
	return 0;
}

static int program_look(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? EISDIR : EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? errno : 0;
}

/* Searches PATH as execvp() will. Returns 0, or the errno that says why there is no program. */
static int program_find(const char *name)
{
	const char *directory = getenv("PATH");
	int found = ENOENT;
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return program_look(name);
	if (!directory)
		return 0; /* execvp() has a default */
	for (;;) {
		size_t length = strcspn(directory, ":");
		int size = snprintf(path, sizeof(path), "%.*s%s%s", (int)length, directory,
				    length ? "/" : "", name);
		int error = size < (int)sizeof(path) ? program_look(path) : ENAMETOOLONG;

		if (!error)
			return 0;
		if (error == EACCES)
			found = error;
		if (!directory[length])
			return found;
		directory += length + 1;
	}
}

static void report_write(int fd, int failed, int error)
{
	const struct report report = {.failed = failed, .error = error};

	if (write(fd, &report, sizeof(report)) != sizeof(report))
		_exit(STATUS_FAULT);
}

/*
 * What systemd gave to this service is not for COMMAND, which would answer in its place: the
 * variables of sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3), and sockets that were
 * passed. Called in the child, whose parent they were for.
 */
static void service_hide(void)
{
	static const char *const names[] = {
		"NOTIFY_SOCKET", "WATCHDOG_PID",   "WATCHDOG_USEC",  "LISTEN_PID",
		"LISTEN_FDS",	 "LISTEN_PIDFDID", "LISTEN_FDNAMES",
	};
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long count = fds ? strtol(fds, NULL, 10) : 0;

	if (pid && strtol(pid, NULL, 10) == getppid()) {
		for (int fd = SD_LISTEN_FDS_START; count > 0 && fd < OPEN_MAX_PASSED; fd++, count--)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static _Noreturn void child_run(char *const *argv, const struct identity *identity, int go_fd,
				int report_fd)
{
	int error = identity_take(identity);
	ssize_t count;
	char go;

	if (error) {
		report_write(report_fd, FAILED_USER, error);
		_exit(STATUS_CANNOT);
	}
	service_hide();
	error = program_find(argv[0]);
	report_write(report_fd, error ? FAILED_PROGRAM : FAILED_NOTHING, error);
	do {
		count = read(go_fd, &go, 1);
	} while (count < 0 && errno == EINTR);
	if (error || count != 1)
		_exit(STATUS_NOT_EXECUTABLE);
	execvp(argv[0], argv);
	error = errno;
	report_write(report_fd, FAILED_PROGRAM, error);
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Prints what the child reported. Returns the status to exit with. */
static enum exit_status report_print(const struct command *command, const struct report *report)
{
	const char *name = report->failed == FAILED_USER ? command->user : command->name;
	char text[SHOWN_LEN];

	shown(name, strlen(name), text);
	if (report->failed == FAILED_USER) {
		journal_say(SD_ERR, "--user: cannot become '%s': %s; run tcpwatch as root", text,
			    strerror(report->error));
		return STATUS_CANNOT;
	}
	if (report->error == ENOENT || report->error == ENOTDIR) {
		journal_say(SD_ERR, "'%s': command not found", text);
		return STATUS_NOT_FOUND;
	}
	journal_say(SD_ERR, "'%s' cannot be run: %s", text, strerror(report->error));
	return STATUS_NOT_EXECUTABLE;
}

static bool report_read(const struct command *command, struct report *report)
{
	ssize_t count;

	do {
		count = read(command->report_fd, report, sizeof(*report));
	} while (count < 0 && errno == EINTR);
	return count == sizeof(*report);
}

static enum exit_status fail(const char *what)
{
	journal_say(SD_ERR, "cannot start the command: %s: %s", what, strerror(errno));
	return STATUS_FAULT;
}

static enum exit_status start_as(struct command *command, char *const *argv,
				 const struct identity *identity)
{
	int go[2], reports[2];
	struct report report;

	if (pipe2(go, O_CLOEXEC))
		return fail("pipe");
	command->go_fd = go[1];
	if (pipe2(reports, O_CLOEXEC)) {
		close(go[0]);
		return fail("pipe");
	}
	command->report_fd = reports[0];
	fflush(NULL);
	command->pid = fork();
	if (!command->pid) {
		close(go[1]); /* otherwise the end of its parent would not close the pipe */
		close(reports[0]);
		child_run(argv, identity, go[0], reports[1]);
	}
	close(go[0]);
	close(reports[1]);
	if (command->pid < 0) {
		command->pid = 0;
		return fail("fork");
	}
	command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
	if (command->pidfd < 0)
		return fail("pidfd_open");
	if (!report_read(command, &report)) {
		journal_say(SD_ERR, "the process for the command ended before the command began");
		return STATUS_FAULT;
	}
	return report.failed == FAILED_NOTHING ? STATUS_OK : report_print(command, &report);
}

enum exit_status command_start(struct command *command, char *const *argv, const char *user)
{
	struct identity identity = {0};
	enum exit_status status;

	*command = (struct command)COMMAND_NONE;
	command->name = argv[0];
	command->user = user;
	status = identity_find(&identity, user);
	if (!status)
		status = start_as(command, argv, &identity);
	identity_clear(&identity);
	/* If tcpwatch was started with SIGCHLD ignored, waitpid() would get no status. */
	signal(SIGCHLD, SIG_DFL);
	return status;
}

void command_begin(struct command *command)
{
	/* This fails if the process was killed meanwhile. */
	ssize_t count = write(command->go_fd, "", 1);

	(void)count;
	close(command->go_fd);
	command->go_fd = -1;
}

bool command_runs(struct command *command)
{
	struct report report;
	int status;

	if (!command->pid || command->status >= 0)
		return false;
	if (waitpid(command->pid, &status, WNOHANG) != command->pid)
		return true;
	command->status = status;
	if (command->go_fd < 0 && report_read(command, &report))
		report_print(command, &report);
	return false;
}

static void send_signal(struct command *command, int signal_number)
{
	if (command->pid && command->status < 0)
		syscall(SYS_pidfd_send_signal, command->pidfd, signal_number, NULL, 0);
}

void command_add_signals(sigset_t *set)
{
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2);
}

void command_pass_signal(struct command *command, const struct signalfd_siginfo *info)
{
	/* When a terminal goes away, the kernel sends SIGHUP to the leader of its session only. */
	bool only_received_here =
		info->ssi_code != SI_KERNEL || (info->ssi_signo == SIGHUP && getsid(0) == getpid());

	if (only_received_here)
		send_signal(command, (int)info->ssi_signo);
}

bool command_outlasts(struct command *command, uint64_t *end_ns)
{
	if (!command_runs(command))
		return false;
	send_signal(command, command->asked_to_end ? SIGKILL : SIGTERM);
	command->asked_to_end = true;
	*end_ns = clock_now() + KILL_AFTER_NS;
	return true;
}

void command_wait(struct command *command, int signal_fd, uint64_t end_ns)
{
	struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
			       {.fd = command->pidfd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (command_runs(command)) {
		if (clock_now() >= end_ns && !command_outlasts(command, &end_ns))
			return;
		if (poll(fds, 2, WAIT_MAX_MS) < 0 && errno != EINTR)
			return;
		if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
			command_pass_signal(command, &info);
	}
}

int command_exit_status(const struct command *command)
{
	if (WIFSIGNALED(command->status))
		return STATUS_SIGNAL + WTERMSIG(command->status);
	return WEXITSTATUS(command->status);
}

void command_free(struct command *command)
{
	bool waits = command->go_fd >= 0;

	if (waits)
		close(command->go_fd);
	if (waits && command->pid && command->status < 0)
		waitpid(command->pid, &command->status, 0);
	if (command->report_fd >= 0)
		close(command->report_fd);
	if (command->pidfd >= 0)
		close(command->pidfd);
	*command = (struct command)COMMAND_NONE;
}
