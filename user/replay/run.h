/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_RUN_H
#define TCPWATCH_REPLAY_RUN_H

#include "model/options.h"
#include "output/output.h"
#include "leak/suppressions.h"
#include "model/source.h"

/*
 * Runs a whole log (source_replay_new()) through the engine in virtual time: records are taken in
 * at their own times, and deadlines are kept to the nanosecond. Without a line in the log, two
 * turns of the loop are at least 1 ms apart, as with epoll. The run ends as tcpwatch does: after
 * options->duration_ns, 100 ms after the last process of -p (and -f) has exited, or with the log.
 * `suppressions` is NULL if no leak is ignored. Returns 0 or a negative errno. The caller keeps and
 * frees everything that it passes.
 */
int replay_run(struct source *source, struct output *output, const struct options *options,
	       struct suppressions *suppressions);

#endif
