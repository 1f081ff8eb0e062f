// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/journal.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A service whose output is redirected still has the variable, so the file itself is compared. */
static bool is_journal(FILE *file)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;
	char rest;

	return stream && sscanf(stream, "%llu:%llu%c", &device, &inode, &rest) == 2 &&
	       !fstat(fileno(file), &status) && status.st_dev == device && status.st_ino == inode;
}

const char *journal_prefix(FILE *file, const char *priority)
{
	return is_journal(file) ? priority : "";
}

void journal_say(const char *priority, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "%stcpwatch: %s\n", journal_prefix(stderr, priority), line);
}
