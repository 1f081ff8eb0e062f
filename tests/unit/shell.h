/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEST_SHELL_H
#define TCPWATCH_TEST_SHELL_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs a shell command that must succeed: how tests build the programs that they look at. */
static inline void __attribute__((format(printf, 1, 2))) shell(const char *format, ...)
{
	char command[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command)) /* NOLINT(cert-env33-c): what is built is ours */
		fail_msg("%s", command);
}

#endif
