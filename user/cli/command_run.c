// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/command_run.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

/* From SIGTERM to SIGKILL. */
#define KILL_AFTER_NS (10 * NS_PER_S)

#define WAIT_MAX_MS 1000

void command_run_signals(sigset_t *set)
{
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2);
}

void command_run_signal(struct command_run *run, const struct signalfd_siginfo *info)
{
	/* A terminal that is gone is told to the leader of its session only. */
	bool ours_alone =
		info->ssi_code != SI_KERNEL || (info->ssi_signo == SIGHUP && getsid(0) == getpid());

	if (ours_alone)
		command_signal(&run->command, (int)info->ssi_signo);
}

bool command_run_goes_on(struct command_run *run, uint64_t *end_ns)
{
	if (!command_runs(&run->command))
		return false;
	command_signal(&run->command, run->told_to_end ? SIGKILL : SIGTERM);
	run->told_to_end = true;
	*end_ns = clock_now() + KILL_AFTER_NS;
	return true;
}

void command_run_wait(struct command_run *run, int signal_fd, uint64_t end_ns)
{
	struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
			       {.fd = run->command.pidfd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (command_runs(&run->command)) {
		if (clock_now() >= end_ns && !command_run_goes_on(run, &end_ns))
			return;
		if (poll(fds, 2, WAIT_MAX_MS) < 0 && errno != EINTR)
			return;
		if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
			command_run_signal(run, &info);
	}
}
