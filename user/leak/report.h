/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_REPORT_H
#define TCPWATCH_LEAK_REPORT_H

#include "leak/pending.h"
#include "leak/group.h"
#include "leak/leak.h"
#include "leak/open_table.h"

/* The reports of the leak watch: leaks that are still open, their groups, and leaks whose report
 * waits for names. Times are nanoseconds of CLOCK_MONOTONIC. */
struct leak_reports {
	struct tracker *tracker;
	struct leak_hooks hooks;
	struct leak_open_table open;
	struct leak_groups *groups;
	struct leak_names names;
	struct leak_pending pending;
	uint64_t settle_at_ns; /* when to try the pending ones again; UINT64_MAX = none */
};

/* After this time, names that were not there are asked for again. */
#define NAMES_RETRY_NS (10 * NS_PER_MS)

/* Returns 0 or -ENOMEM; the caller calls leak_reports_clear() only after 0. The tracker stays the
 * caller's, *hooks is copied. */
int leak_reports_init(struct leak_reports *reports, struct tracker *tracker,
		      const struct leak_hooks *hooks);
void leak_reports_clear(struct leak_reports *reports);

/* Reports a leak, unless hooks.ignored() says so, and counts it in its group. Sets leak->stack to
 * the names of its stack if they are there, and does not wait for them. */
void leak_reports_add(struct leak_reports *reports, struct tcp_socket *socket,
		      struct process *process, struct leak *leak);

/* Reports an idle connection (LEAK_IDLE), unless hooks.ignored() says so. Returns the group that it
 * is counted in; NULL if it is ignored, or without memory. */
struct leak_group *leak_reports_add_idle(struct leak_reports *reports, struct tcp_socket *socket,
					 struct process *process, struct leak *leak);

/* The connection of this cookie, reported as idle and counted in this group, is no idle one: it is
 * not counted any more, and its end not reported. */
void leak_reports_withdraw(struct leak_reports *reports, uint64_t cookie, struct leak_group *group);

/* Reports a leak whose socket is closing at leak->time_ns; keeps a copy until its stack is
 * symbolized. */
void leak_reports_add_closing(struct leak_reports *reports, struct tcp_socket *socket,
			      struct process *process, struct leak *leak);

/* Reports the end of a leak, if the leak of this socket was reported; time_ns 0: the end was not
 * seen. */
void leak_reports_end(struct leak_reports *reports, struct tcp_socket *socket, uint64_t time_ns);

/* Reports the leaks that waited for names, if the names have come or have been waited for long
 * enough. `all`: reports all of them, at the end. */
void leak_reports_settle(struct leak_reports *reports, uint64_t now_ns, bool all);

/* The groups of all reported leaks, with ages as of now_ns. They belong to *reports. */
struct leak_groups *leak_reports_groups(struct leak_reports *reports, uint64_t now_ns);

/* Calls each() for every reported leak and idle connection (LEAK_IDLE) that is still open; process
 * is NULL if no holder is known. */
void leak_reports_each(struct leak_reports *reports,
		       void (*each)(void *context, const struct tcp_socket *socket,
				    struct process *process, enum leak_kind kind),
		       void *context);

/* The same, where the process may be one that stands for many that are alike (leak/family.h). */
void leak_reports_each_told(struct leak_reports *reports,
			    void (*each)(void *context, const struct tcp_socket *socket,
					 struct process *process, enum leak_kind kind),
			    void *context);

/* The time in CLOSE_WAIT at time_ns; 0 if that is before the entry, since records of several CPUs
 * are slightly out of order. */
static inline uint64_t leak_age(const struct tcp_socket *socket, uint64_t time_ns)
{
	return time_ns > socket->since_ns ? time_ns - socket->since_ns : 0;
}

#endif
