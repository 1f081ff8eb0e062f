/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_RUN_H
#define TCPWATCH_REPLAY_RUN_H

#include "model/options.h"
#include "output/output.h"
#include "leak/suppressions.h"
#include "model/source.h"

/*
 * Runs a whole log (source_replay_new()) through the engine, in virtual time: records are taken in
 * at their own times and deadlines are met between them, to the nanosecond, but two looks are at
 * least 1 ms apart where no line is due, as epoll's are. It ends as tcpwatch does: after
 * options->duration_ns, LAST_WORDS after the last process of -p (and -f) has exited, or with the
 * log. `suppressions` is NULL if no leak is ignored. Returns 0 or a negative errno. Everything
 * stays the caller's.
 */
int replay_run(struct source *source, struct output *output, const struct options *options,
	       struct suppressions *suppressions);

#endif
