// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/journal.h"
#include "base/shown.h"

#define MESSAGE_LEN 640

_Noreturn void usage_fail(enum exit_status status, const char *format, ...)
{
	char message[MESSAGE_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	journal_say(SD_ERR, "%s", message);
	exit(status);
}

_Noreturn void usage_refuse(const char *option, const char *value, size_t length,
			    const char *format, ...)
{
	char message[MESSAGE_LEN], text[SHOWN_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	usage_fail(STATUS_USAGE, "%s: '%s' %s", option, shown(value, length, text), message);
}
