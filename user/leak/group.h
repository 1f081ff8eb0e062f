/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_GROUP_H
#define TCPWATCH_LEAK_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/call_site.h"
#include "model/flow.h"
#include "model/leak_kind.h"
#include "track/process_table.h"
#include "track/socket_table.h"

/* Reported leaks of one process, kind and place: the listener they came in by, or the peer they
 * went to; and of one call site, where those are known. */
struct leak_group {
	struct process *process; /* NULL = nobody known */
	enum leak_kind kind;
	enum socket_role role;
	char place[ENDPOINT_TEXT_LEN]; /* listener (server) or peer */
	uint64_t total;		       /* ever reported */
	uint64_t open;		       /* of those, not closed yet */
	uint64_t left;		       /* of those, closed by the end of their process */
	uint64_t oldest_ns;   /* the greatest age that one reached; see leak_watch_groups() */
	bool oldest_at_least; /* it is older than that */
	const char *site;     /* call_site_format(); NULL = not known */
	uint32_t site_number; /* from 1 on, each program's own; 0 = no site */
	void *links;
};

struct leak_groups;

/* More places than this are counted in one more group of place "(others)". */
#define LEAK_GROUPS_LIMIT 1000

/* More call sites than this are not told apart. */
#define LEAK_SITES_LIMIT 1000

struct leak_groups *leak_groups_new(void);
void leak_groups_free(struct leak_groups *groups);

/* The group a leak of this socket belongs to, made if need be. `stack`: where it was made; NULL =
 * not known. NULL without memory. Holds on to the process. */
struct leak_group *leak_groups_get(struct leak_groups *groups, struct process *process,
				   enum leak_kind kind, const struct tcp_socket *socket,
				   const struct call_stack *stack);

/* Walks all groups; start with NULL. */
struct leak_group *leak_groups_next(struct leak_groups *groups, struct leak_group *previous);

/* leak_watch_most() and leak_watch_site(). */
const struct leak_group *leak_groups_most(struct leak_groups *groups, const struct process *process,
					  uint64_t *open);
const char *leak_groups_site(struct leak_groups *groups, const struct process *process,
			     bool pooled);

#endif
