/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_SITES_H
#define TCPWATCH_REPLAY_SITES_H

#include "symbol/call_site.h"
#include "model/source.h"

/*
 * Names of stacks from the "symbol" lines of a log (source_replay_new()), in its virtual time. An
 * address without a line has no name. run() moves the time to the next answer. The source must
 * outlive the sites. Returns NULL without memory. The caller frees them with ops->free().
 */
struct call_sites *replay_sites_new(struct source *source);

#endif
