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
 * The processes and sockets that the user asked for: processes by pid (with -f also their future
 * children) and by name, sockets by family and port. Different conditions are joined by "and", the
 * values of one condition by "or".
 */

/* The options stay the caller's and must outlive the filter. Returns NULL without memory. */
struct filter *filter_new(const struct options *options);
void filter_free(struct filter *filter);

/*
 * Whether the process (tgid, start_ns), named comm, is watched. start_ns is its start in
 * nanoseconds of CLOCK_BOOTTIME. A watched pid is bound to the first process seen with it: a later
 * process with the same pid is not watched.
 */
bool filter_has_process(struct filter *filter, uint32_t tgid, uint64_t start_ns, const char *comm);

/* With -f, adds a child of a watched process. Returns whether the child is watched only from now
 * on. Without memory it is not watched. */
bool filter_add_child(struct filter *filter, uint32_t parent, uint64_t parent_start_ns,
		      uint32_t child, uint64_t child_start_ns);

/* The process has exited: its pid does not match another process any more. The process itself still
 * matches, because there may be records of it that were not handled yet. */
void filter_exited(struct filter *filter, uint32_t tgid);

/*
 * Whether the socket matches -4, -6, -L and -D, or may match later. A port that the kernel has not
 * chosen yet matches every port. A listener matches every family and remote port, because its
 * process is the provisional owner of the connections that come in by it.
 */
bool filter_has_flow(const struct filter *filter, const struct flow *flow);

/* Whether a socket that matches must not be shown (yet), but has to be known. */
bool filter_hides_flow(const struct filter *filter, const struct flow *flow);

/* Whether processes are selected by name. */
bool filter_has_names(const struct filter *filter);

/* Whether processes are selected at all, by pid or by name. */
bool filter_is_selective(const struct filter *filter);

#endif
