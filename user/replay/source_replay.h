/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOURCE_REPLAY_H
#define TCPWATCH_SOURCE_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "replay/field.h"
#include "replay/symbol.h"
#include "model/source.h"

/*
 * Events from a log (replay/log.h) instead of the kernel. Its time is virtual: it stands still
 * until somebody moves it, begins with the log's first line and lets through what the log has up to
 * it. replay_run() is the one who moves it.
 *
 * A scan is answered by the last one in the log that is not after now. It tells what held at its
 * own time; a socket that changed since is not in it. Before the first one nothing is found, and
 * nothing is taken for gone.
 */

/*
 * Reads the whole log; `file` stays the caller's and is not needed afterwards. Returns 0, -EINVAL
 * for a log that is wrong (*error says where and why), or another negative errno. Free with
 * (*source)->ops->free().
 */
int source_replay_new(struct source **source, FILE *file, struct replay_error *error);

/* The time of the next line; UINT64_MAX after the last one. */
uint64_t source_replay_next(const struct source *source);

/* Moves the time forward to time_ns; a time before now does nothing. */
void source_replay_advance(struct source *source, uint64_t time_ns);

/* What the log says of an address; NULL: nothing. The source's own. */
const struct replay_symbol *source_replay_symbol(const struct source *source, uint64_t ip);

/* The ends of processes that draining has come by, one a call; 0: no more. */
uint32_t source_replay_exited(struct source *source);

#endif
