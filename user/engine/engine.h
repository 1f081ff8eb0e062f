/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_H
#define TCPWATCH_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/config.h"

/* All modules between a source and an output, connected and driven. */
struct engine;

/* Returns NULL without memory. Free it with engine_free(). */
struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *engine);

/* The first scan, and the start record. Returns 0 or a negative errno. */
int engine_start(struct engine *engine);

/* Takes in the records that have come, for a turn of a few hundredths of a second at most, and does
 * what is due. Returns 0 or a negative errno, also
 * of the output: -EPIPE where nobody reads it any more. */
int engine_poll(struct engine *engine);

/* Whether records are left for the next turn; an end that was noticed before this turn may be older
 * than one of them. */
bool engine_behind(const struct engine *engine);

/* When engine_poll() has something to do even if no record comes; the source's CLOCK_MONOTONIC, in
 * ns. UINT64_MAX: never. */
uint64_t engine_deadline(const struct engine *engine);

/* Whether at now_ns, by the source's clock, nothing is to be done before engine_deadline(), unless
 * a record comes, which makes the source's descriptor readable. Else the source has to be polled.
 */
bool engine_rest(struct engine *engine, uint64_t now_ns);

/* A watched process has ended. */
void engine_process_exited(struct engine *engine, uint32_t tgid);

/* Whether there are sockets that a process of COMMAND has left, and that the kernel has not closed
 * yet. */
bool engine_left_open(const struct engine *engine);

/* How many leaks were reported so far. */
uint64_t engine_leaks(const struct engine *engine);

/* Whether the answer is incomplete: leaks may have been missed. model/completeness.h */
bool engine_incomplete(const struct engine *engine);

/* Stops the source, takes in the last records, scans once more, and prints the last summary.
 * Returns 0 or a negative errno, as engine_poll(). */
int engine_finish(struct engine *engine);

#endif
