/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COMMAND_H
#define TCPWATCH_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/exit_status.h"

/*
 * The process of -- COMMAND. It is forked early, so that it has the signals, descriptors and
 * privileges that tcpwatch was given, and waits for its execve() until everything is attached. If
 * tcpwatch ends before, however it ends, so does this process, and has not run COMMAND.
 */
struct command {
	pid_t pid;   /* 0 = none */
	int pidfd;   /* readable when it has ended; -1 = none */
	int go_fd;   /* where it waits; -1 = it may run, or there is none */
	int told_fd; /* what went wrong in it */
	int status;  /* how it ended, of waitpid(); -1 = not yet */
	const char *name;
	const char *user;
};

#define COMMAND_NONE                                                                               \
	{                                                                                          \
		.pidfd = -1, .go_fd = -1, .told_fd = -1, .status = -1                              \
	}

/*
 * Forks the process that waits to become argv, as the user of that name or uid (NULL: as we are),
 * by execvp()'s rules. Looks whether there is such a user and such a program. The caller must not
 * have changed signals, privileges or environment before, and have no threads. Returns STATUS_OK,
 * or what to exit with; then the message is out. Free with command_free() in both cases.
 */
enum exit_status command_start(struct command *command, char *const *argv, const char *user);

/* Lets it run. */
void command_begin(struct command *command);

/* Does its process still exist? Reaps it if it has ended; then says if COMMAND could not be run. */
bool command_runs(struct command *command);

/* Sends it a signal, if it runs. */
void command_signal(struct command *command, int signal_number);

/* What to exit with for it, once it has ended: its status, or 128 and the signal's number. */
int command_exit_status(const struct command *command);

/* Ends it if it was not let run; a running one is left alone. */
void command_free(struct command *command);

#endif
