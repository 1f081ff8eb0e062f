/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_VIEW_H
#define TCPWATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "finding/watch.h"
#include "leak/group.h"
#include "model/ledger.h"
#include "track/process_table.h"
#include "track/tracker.h"

struct suppression_gen;
struct suppressions;

struct view_process {
	const struct process *process;
	uint64_t open[TCP_STATES]; /* sockets by state */
	uint64_t transitions;	   /* all of them */
	uint64_t leaks;		   /* reported, of all kinds */
};

/* The data that every output prints a summary from. Valid until the engine takes in the next
 * event. */
struct view {
	uint64_t now_ns; /* CLOCK_MONOTONIC */
	uint64_t duration_ns;
	bool final;			/* the last one */
	struct view_process *processes; /* the watched ones with sockets; most leaks first, then
					   most transitions */
	size_t process_count;
	const struct leak_group **groups; /* of leaks, most leaks first */
	size_t group_count;
	size_t part_count;		/* of groups behind these, which are parts of one of them */
	const struct leak_group **idle; /* of idle connections, likewise; behind `groups` */
	size_t idle_count;
	struct finding_list findings; /* only in the last summary */
	struct ledger ledger;
	bool incomplete; /* leaks may have been missed: records were lost, or */
	bool unscanned;	 /* ... the last scan failed */
	const struct suppressions *suppressions; /* NULL: no --suppressions */
	const struct suppression_gen *made;	 /* NULL: no --gen-suppressions */
};

/* Fills in *view. Returns 0, or -ENOMEM and an empty *view. The caller frees it with view_clear().
 * Times are CLOCK_MONOTONIC in ns. */
int view_build(struct view *view, struct tracker *tracker, struct leak_groups *groups,
	       const struct ledger *ledger, uint64_t now_ns, uint64_t started_ns);

void view_clear(struct view *view);

#endif
