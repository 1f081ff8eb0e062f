/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CLI_USAGE_H
#define TCPWATCH_CLI_USAGE_H

#include <stddef.h>

#include "base/exit_status.h"

/* How the command line is refused: a message on stderr, and the end of the process. */

/* Prints "tcpwatch: MESSAGE" and exits with this status. No newline at the end of the format. */
_Noreturn void usage_fail(enum exit_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Refuses `length` bytes of an option's value: prints "tcpwatch: OPTION: 'VALUE' MESSAGE" and exits
 * with STATUS_USAGE. The message says what is wrong and what would be right.
 */
_Noreturn void usage_refuse(const char *option, const char *value, size_t length,
			    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
