/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_LOG_H
#define TCPWATCH_REPLAY_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "replay/field.h"
#include "replay/record.h"

/* A log with longer lines, in bytes, or more items is refused. */
#define REPLAY_LINE_MAX	 16384
#define REPLAY_ITEMS_MAX 4000000

/*
 * A log: JSON Lines, described in replay/record.h, in the order in which tcpwatch received the
 * records. Times do not decrease, except that ring records, which come from several CPUs, may be a
 * little late: they are received at the time of the line before. Empty lines and lines that begin
 * with # are ignored.
 */
struct replay_log {
	struct replay_item *items;
	size_t count;
	size_t capacity;
};

/* Reads a whole log. Returns 0, -EINVAL and *error for a wrong log, -ENOMEM, or -EIO; after an
 * error *log is empty. The caller frees it with replay_log_clear(). */
int replay_log_read(struct replay_log *log, FILE *file, struct replay_error *error);

void replay_log_clear(struct replay_log *log);

#endif
