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

struct leak_groups;

/* Reported leaks, or idle connections (LEAK_IDLE), of one process, kind and place, which is the
 * listener that the connections came in by, or the peer that they go to. Where call sites are
 * known, also of one call site. */
struct leak_group {
	struct process *process; /* NULL = not known; one with `alike` stands for several */
	enum leak_kind kind;
	enum socket_role role;	       /* ROLE_SERVER, or else ROLE_CLIENT: what `place` is */
	char place[ENDPOINT_TEXT_LEN]; /* listener (server) or peer */
	uint32_t netns;		       /* of the place; 0 = "(others)" */
	uint64_t total;		       /* leaks reported */
	uint64_t open;		       /* of those, the ones not closed yet */
	uint64_t left;		       /* of those, the ones closed by the exit of their process */
	uint64_t oldest_ns;   /* the greatest age that one reached; leak_reports_groups() */
	bool oldest_at_least; /* that age is a lower bound */
	const char *site;     /* call_site_format(); NULL = not known */
	uint32_t site_number; /* from 1, the same text in another program has another; 0 = none */
	void *links;	      /* the table's own */
};

/* The most groups; further leaks are counted in one more group of each kind, of place "(others)".
 */
#define LEAK_GROUPS_LIMIT 1000

/* The most call sites; leaks of further ones are counted as if theirs were not known. */
#define LEAK_SITES_LIMIT 1000

/* Returns NULL without memory. */
struct leak_groups *leak_groups_new(void);
void leak_groups_free(struct leak_groups *groups);

/* Returns the group of a leak of this socket, which is created if there is none; it belongs to
 * *groups. NULL without memory. `stack` is where the socket was created; NULL = not known. The
 * process is kept alive until *groups is freed. */
struct leak_group *leak_groups_get(struct leak_groups *groups, struct process *process,
				   enum leak_kind kind, const struct tcp_socket *socket,
				   const struct call_stack *stack);

/* Counts a leak that is reported: its process, and in the group. */
void leak_group_count(struct leak_group *group);

/* The process that is named for leaks of this group: one for many that are alike (leak/family.h).
 */
struct process *leak_group_process(const struct leak_group *group);

/*
 * Walks all groups as they are told; start with NULL. Those of many processes that are alike are
 * one, which has their sums as of the start of the walk.
 */
struct leak_group *leak_groups_next(struct leak_groups *groups, struct leak_group *previous);

/* Walks the groups that are a part of another one, as of the last walk. */
struct leak_group *leak_groups_next_part(struct leak_groups *groups, struct leak_group *previous);

/*
 * The group of this process (NULL = not known) that has the most open leaks, not counting
 * unaccepted ones, or the most idle connections (`idle`); NULL if there are none. Its age may be
 * out of date. *open is the sum of what is open in the groups that differ from it at most by their
 * call site.
 */
const struct leak_group *leak_groups_most(struct leak_groups *groups, const struct process *process,
					  bool idle, uint64_t *open);

/* The call site with the most open leaks of this process, not counting unaccepted ones, or with the
 * most idle connections. NULL if not known. */
const char *leak_groups_site(struct leak_groups *groups, const struct process *process, bool idle);

#endif
