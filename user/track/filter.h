/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FILTER_H
#define TCPWATCH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"

struct options;
struct filter;

/*
 * What the user asked to watch: processes by pid (with or without their future children) and by
 * name, sockets by family and port. Kinds of conditions are joined by "and", the values of one kind
 * by "or". NULL without memory.
 */
struct filter *filter_new(const struct options *options);
void filter_free(struct filter *filter);

/*
 * Is the process (tgid, start_ns) named comm watched? A watched pid is bound to the first process
 * seen with it, so that a later process with the same pid is another one.
 */
bool filter_has_process(struct filter *filter, uint32_t tgid, uint64_t start_ns, const char *comm);

/* Told of a birth: with -f the child of a watched process is watched. Returns whether it is new in
 * the filter. */
bool filter_add_child(struct filter *filter, uint32_t parent, uint64_t parent_start_ns,
		      uint32_t child, uint64_t child_start_ns);

/* The process is gone: its pid means nothing any more, but for the very process that was seen by
 * it, of which records may still come. */
void filter_exited(struct filter *filter, uint32_t tgid);

/*
 * Does the socket pass -4, -6, -L and -D, or could it yet? A port that the kernel has not chosen
 * passes, and so does a listener, whose port and process explain the connections that come in by
 * it.
 */
bool filter_has_flow(const struct filter *filter, const struct flow *flow);

/* Does the socket pass only for now: it must be known, but not be shown? */
bool filter_hides_flow(const struct filter *filter, const struct flow *flow);

/* Are processes chosen by name? */
bool filter_has_names(const struct filter *filter);

/* Are processes chosen at all, by pid or by name? */
bool filter_is_selective(const struct filter *filter);

#endif
