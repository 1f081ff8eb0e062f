/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COMMAND_RUN_H
#define TCPWATCH_COMMAND_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "cli/command.h"

/* How tcpwatch goes along with COMMAND while it runs: signals, -d, the end. */
struct command_run {
	struct command command;
	bool told_to_end; /* -d is over */
};

/* Adds the signals that are passed on, besides those that end tcpwatch without COMMAND. */
void command_run_signals(sigset_t *set);

/* Passes a signal on that was sent to tcpwatch; one from the terminal COMMAND has got itself. */
void command_run_signal(struct command_run *run, const struct signalfd_siginfo *info);

/*
 * *end_ns has come. False if COMMAND has ended, or there is none. Else it was -d: tells it to end,
 * with SIGTERM, later with SIGKILL, and puts *end_ns off.
 */
bool command_run_goes_on(struct command_run *run, uint64_t *end_ns);

/* Waits for COMMAND to end, where there is nothing more to watch or to say; end_ns as above. */
void command_run_wait(struct command_run *run, int signal_fd, uint64_t end_ns);

#endif
