// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_SHELL "/bin/sh"
#define UID_DIGITS    10

/* What the child tells. */
struct told {
	enum { TOLD_READY, TOLD_USER, TOLD_PROGRAM } what;
	int error;
};

struct identity {
	uid_t uid;
	gid_t gid;
	char *name; /* NULL = as we are */
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

	if (!user)
		return STATUS_OK;
	if (!entry) {
		fprintf(stderr,
			"tcpwatch: --user: '%.64s' is no user: a name or uid of getent passwd\n",
			user);
		return STATUS_USAGE;
	}
	identity->uid = entry->pw_uid;
	identity->gid = entry->pw_gid;
	identity->name = strdup(entry->pw_name);
	identity->home = strdup(entry->pw_dir);
	identity->shell = strdup(*entry->pw_shell ? entry->pw_shell : DEFAULT_SHELL);
	if (identity->name && identity->home && identity->shell)
		return STATUS_OK;
	fputs("tcpwatch: out of memory\n", stderr);
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

/* As execvp() will: the first directory of PATH that has it; why not, if none has. */
static int program_find(const char *name)
{
	const char *directory = getenv("PATH");
	int found = ENOENT;
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return program_look(name);
	if (!directory)
		return 0; /* execvp() knows a default */
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

static void tell(int fd, int what, int error)
{
	const struct told told = {.what = what, .error = error};

	if (write(fd, &told, sizeof(told)) != sizeof(told))
		_exit(STATUS_FAULT);
}

static _Noreturn void child_run(char *const *argv, const struct identity *identity, int go_fd,
				int told_fd)
{
	int error = identity_take(identity);
	ssize_t count;
	char go;

	if (error) {
		tell(told_fd, TOLD_USER, error);
		_exit(STATUS_CANNOT);
	}
	error = program_find(argv[0]);
	tell(told_fd, error ? TOLD_PROGRAM : TOLD_READY, error);
	do {
		count = read(go_fd, &go, 1);
	} while (count < 0 && errno == EINTR);
	if (error || count != 1)
		_exit(STATUS_NOT_EXECUTABLE);
	execvp(argv[0], argv);
	error = errno;
	tell(told_fd, TOLD_PROGRAM, error);
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Says what the child told. */
static enum exit_status explain(const struct command *command, const struct told *told)
{
	char name[128];

	snprintf(name, sizeof(name), "%s", command->name);
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (told->what == TOLD_USER) {
		fprintf(stderr,
			"tcpwatch: --user: cannot become '%.64s': %s; run tcpwatch as root\n",
			command->user, strerror(told->error));
		return STATUS_CANNOT;
	}
	if (told->error == ENOENT || told->error == ENOTDIR) {
		fprintf(stderr, "tcpwatch: '%s': command not found\n", name);
		return STATUS_NOT_FOUND;
	}
	fprintf(stderr, "tcpwatch: '%s': cannot be run: %s\n", name, strerror(told->error));
	return STATUS_NOT_EXECUTABLE;
}

static bool listen_to(const struct command *command, struct told *told)
{
	ssize_t count;

	do {
		count = read(command->told_fd, told, sizeof(*told));
	} while (count < 0 && errno == EINTR);
	return count == sizeof(*told);
}

static enum exit_status fail(const char *what)
{
	fprintf(stderr, "tcpwatch: cannot start the command: %s: %s\n", what, strerror(errno));
	return STATUS_FAULT;
}

static enum exit_status start_as(struct command *command, char *const *argv,
				 const struct identity *identity)
{
	int go[2], tells[2];
	struct told told;

	if (pipe2(go, O_CLOEXEC))
		return fail("pipe");
	command->go_fd = go[1];
	if (pipe2(tells, O_CLOEXEC)) {
		close(go[0]);
		return fail("pipe");
	}
	command->told_fd = tells[0];
	fflush(NULL);
	command->pid = fork();
	if (!command->pid) {
		close(go[1]); /* or it would never see the end of its parent */
		close(tells[0]);
		child_run(argv, identity, go[0], tells[1]);
	}
	close(go[0]);
	close(tells[1]);
	if (command->pid < 0) {
		command->pid = 0;
		return fail("fork");
	}
	command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
	if (command->pidfd < 0)
		return fail("pidfd_open");
	if (!listen_to(command, &told)) {
		fputs("tcpwatch: the command's process ended before it began\n", stderr);
		return STATUS_FAULT;
	}
	return told.what == TOLD_READY ? STATUS_OK : explain(command, &told);
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
	/* Its status is wanted, also where whoever started us did not want those of his. */
	signal(SIGCHLD, SIG_DFL);
	return status;
}

void command_begin(struct command *command)
{
	/* It may have been killed meanwhile: then there is nobody to read it. */
	ssize_t count = write(command->go_fd, "", 1);

	(void)count;
	close(command->go_fd);
	command->go_fd = -1;
}

bool command_runs(struct command *command)
{
	struct told told;
	int status;

	if (!command->pid || command->status >= 0)
		return false;
	if (waitpid(command->pid, &status, WNOHANG) != command->pid)
		return true;
	command->status = status;
	if (command->go_fd < 0 && listen_to(command, &told))
		explain(command, &told);
	return false;
}

void command_signal(struct command *command, int signal_number)
{
	if (command->pid && command->status < 0)
		syscall(SYS_pidfd_send_signal, command->pidfd, signal_number, NULL, 0);
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
	if (command->told_fd >= 0)
		close(command->told_fd);
	if (command->pidfd >= 0)
		close(command->pidfd);
	*command = (struct command)COMMAND_NONE;
}
