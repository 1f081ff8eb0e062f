/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_SITES_H
#define TCPWATCH_REPLAY_SITES_H

#include "symbol/call_site.h"
#include "model/source.h"

/*
 * Call sites by what a log (source_replay_new()) has in its "symbol" lines, in its virtual time.
 * An address without a line has no name. run() waits for the next answer: it moves the time. The
 * source must outlive it. NULL without memory; free with ops->free().
 */
struct call_sites *replay_sites_new(struct source *source);

#endif
