/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EXIT_STATUS_H
#define TCPWATCH_EXIT_STATUS_H

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAULT = 1,  /* while running */
	STATUS_USAGE = 2,  /* the message names the option and the value */
	STATUS_CANNOT = 3, /* this kernel or these privileges cannot do it */
	/* --error-exitcode: no leak was seen, but some may have been missed. As timeout(1) and
	 * env(1) do where they fail themselves, and COMMAND is not to blame; `git bisect run` takes
	 * it for "cannot be tested". */
	STATUS_INCOMPLETE = 125,
	/* As shells, env(1) and timeout(1) do. */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128, /* plus the number of the signal that killed the command */
};

#endif
