/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JOURNAL_H
#define TCPWATCH_JOURNAL_H

#include <stdio.h>
#include <systemd/sd-daemon.h>

/*
 * `priority` (SD_WARNING, ...), to begin a line with, if what is written to the file goes to
 * systemd's journal ($JOURNAL_STREAM); else "".
 */
const char *journal_prefix(FILE *file, const char *priority);

/* One line on standard error, of that priority: "tcpwatch: ...". No newline in the format. */
void journal_say(const char *priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
