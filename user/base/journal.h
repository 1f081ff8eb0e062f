/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JOURNAL_H
#define TCPWATCH_JOURNAL_H

#include <stdio.h>
#include <systemd/sd-daemon.h>

/*
 * Returns what a line must begin with: `priority` (SD_WARNING, ...) if the file is systemd's
 * journal
 * ($JOURNAL_STREAM), else "".
 */
const char *journal_prefix(FILE *file, const char *priority);

/* Writes one line to standard error, "tcpwatch: ...", with that priority in the journal. The format
 * has no newline; a line is cut to 1023 bytes. */
void journal_say(const char *priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
