/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COMMAND_H
#define TCPWATCH_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "base/exit_status.h"

/*
 * The process of -- COMMAND. It is forked early, so that it inherits the signals, descriptors and
 * privileges that tcpwatch was given, and it calls execve() when everything is attached. If
 * tcpwatch ends before that, for whatever reason, the process ends too, without running COMMAND.
 */
struct command {
	pid_t pid;	   /* 0: none */
	int pidfd;	   /* readable when the process has ended; -1: none */
	int go_fd;	   /* writing starts COMMAND, closing ends the process; -1: neither */
	int report_fd;	   /* on which the process reports what failed */
	int status;	   /* of waitpid(); -1: the process has not ended */
	bool asked_to_end; /* the time of -d is over, and SIGTERM was sent */
	const char *name;
	const char *user;
};

#define COMMAND_NONE                                                                               \
	{                                                                                          \
		.pidfd = -1, .go_fd = -1, .report_fd = -1, .status = -1                            \
	}

/*
 * Forks the process that waits to become argv, by execvp()'s rules. `user` is a user name or a uid;
 * with NULL the process keeps the user of tcpwatch. Checks that the user and the program exist. To
 * be called without threads, and before signals, privileges or the environment are changed. Returns
 * STATUS_OK, or the status to exit with after a message on stderr. argv and user must outlive
 * *command. The caller frees it with command_free() in both cases.
 */
enum exit_status command_start(struct command *command, char *const *argv, const char *user);

/* Lets the process run COMMAND. */
void command_begin(struct command *command);

/*
 * Whether the process still exists. Reaps it if it has ended, with a message on stderr if COMMAND
 * could not be run.
 */
bool command_runs(struct command *command);

/* Adds to *set the signals that are passed on to COMMAND, but do not end tcpwatch without one. */
void command_add_signals(sigset_t *set);

/*
 * Passes on a signal that tcpwatch received. One that the terminal sent is not passed on, since
 * COMMAND, in the same process group, received it too.
 */
void command_pass_signal(struct command *command, const struct signalfd_siginfo *info);

/*
 * To be called at *end_ns (CLOCK_MONOTONIC). Returns false if COMMAND has ended or there is none.
 * Otherwise the time of -d is over: sends SIGTERM, the next time SIGKILL, and puts *end_ns off.
 */
bool command_outlasts(struct command *command, uint64_t *end_ns);

/*
 * Blocks until COMMAND has ended, after tcpwatch itself is done. Signals from signal_fd are passed
 * on, and end_ns ends COMMAND as above.
 */
void command_wait(struct command *command, int signal_fd, uint64_t end_ns);

/* What to exit with after COMMAND has ended: its status, or 128 and the signal that killed it. */
int command_exit_status(const struct command *command);

/* Ends the process if it does not run COMMAND yet; a running COMMAND is left alone. */
void command_free(struct command *command);

#endif
