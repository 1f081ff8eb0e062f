/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WATCH_SET_H
#define TCPWATCH_WATCH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"

struct options;
struct watch_set;

/*
 * What the user asked to watch: processes by pid (with or without their future children) and by
 * name, sockets by family and port. Kinds of conditions are joined by "and", the values of one kind
 * by "or". NULL without memory.
 */
struct watch_set *watch_set_new(const struct options *options);
void watch_set_free(struct watch_set *set);

/*
 * Is the process (tgid, start_ns) named comm watched? A watched pid is bound to the first process
 * seen with it, so that a later process with the same pid is another one.
 */
bool watch_set_has_process(struct watch_set *set, uint32_t tgid, uint64_t start_ns,
			   const char *comm);

/* Told of a birth: with -f the child of a watched process is watched. Returns whether it is new in
 * the set. */
bool watch_set_add_child(struct watch_set *set, uint32_t parent, uint64_t parent_start_ns,
			 uint32_t child, uint64_t child_start_ns);

/* The process is gone: its pid means nothing any more, but for the very process that was seen by
 * it, of which records may still come. */
void watch_set_exited(struct watch_set *set, uint32_t tgid);

/*
 * Does the socket pass -4, -6, -L and -D, or could it yet? A port that the kernel has not chosen
 * passes, and so does a listener, whose port and process explain the connections that come in by
 * it.
 */
bool watch_set_has_flow(const struct watch_set *set, const struct flow *flow);

/* Does the socket pass only for now: it must be known, but not be shown? */
bool watch_set_hides_flow(const struct watch_set *set, const struct flow *flow);

/* Are processes chosen by name? */
bool watch_set_has_names(const struct watch_set *set);

/* Are processes chosen at all, by pid or by name? */
bool watch_set_is_selective(const struct watch_set *set);

#endif
