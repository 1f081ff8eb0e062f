/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_LOG_H
#define TCPWATCH_REPLAY_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "replay/field.h"
#include "replay/record.h"

/* Beyond these a log is refused. */
#define REPLAY_LINE_MAX	 16384
#define REPLAY_ITEMS_MAX 4000000

/*
 * A log: JSON Lines as replay/record.h has them, in the order in which things came to be known.
 * Times go forward; only ring records may be a little late, as those of several CPUs are: they
 * count as having come with the line before. Empty lines and lines that begin with # mean nothing.
 */
struct replay_log {
	struct replay_item *items;
	size_t count;
	size_t capacity;
};

/* Reads all of it. Returns 0, or -EINVAL (*error says why), -ENOMEM, or what reading failed with;
 * then *log is empty. Free with replay_log_clear(). */
int replay_log_read(struct replay_log *log, FILE *file, struct replay_error *error);

void replay_log_clear(struct replay_log *log);

#endif
