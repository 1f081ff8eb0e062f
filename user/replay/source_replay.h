/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOURCE_REPLAY_H
#define TCPWATCH_SOURCE_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "replay/field.h"
#include "replay/symbol.h"
#include "model/source.h"

/*
 * Events from a log (replay/log.h) instead of the kernel. The time is virtual: it begins with the
 * first line, and source_replay_advance() moves it, which replay_run() calls. Draining gives the
 * records up to that time.
 *
 * A scan is answered by the last scan in the log that is not after the current time. It gives the
 * state at its own time, and leaves out sockets that have changed since. Before the first scan of
 * the log, no socket is found and none is taken for gone.
 */

/*
 * Reads the whole log; the caller may close `file` afterwards. Returns 0, -EINVAL for a wrong log
 * (*error has the place and the reason), or another negative errno. The caller frees *source with
 * its ops->free().
 */
int source_replay_new(struct source **source, FILE *file, struct replay_error *error);

/* The time of the next line, CLOCK_MONOTONIC in ns; UINT64_MAX after the last one. */
uint64_t source_replay_next(const struct source *source);

/* Moves the time forward to time_ns. A time in the past does nothing. */
void source_replay_advance(struct source *source, uint64_t time_ns);

/* Returns the names of an address, or NULL. The source owns them. */
const struct replay_symbol *source_replay_symbol(const struct source *source, uint64_t ip);

/* Returns the pid of the next process whose exit draining has passed; 0: there is none. */
uint32_t source_replay_exited(struct source *source);

#endif
