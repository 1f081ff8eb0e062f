/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_REPORT_H
#define TCPWATCH_LEAK_REPORT_H

#include "leak/names.h"
#include "leak/pending.h"
#include "leak/group.h"
#include "leak/leak.h"

struct reported;

/* What was reported, is still open, and has yet to be reported: a part of the leak watch. */
struct leak_reports {
	struct tracker *tracker;
	struct leak_hooks hooks;
	struct reported *open; /* by cookie */
	struct leak_groups *groups;
	struct leak_names names;
	struct leak_pending pending;
	uint64_t settle_at_ns; /* when to look after them; UINT64_MAX = there are none */
};

/* Names that are not there yet are asked for again after this. */
#define NAMES_RETRY_NS (10 * NS_PER_MS)

/* Returns 0 or -ENOMEM. */
int leak_reports_init(struct leak_reports *reports, struct tracker *tracker,
		      const struct leak_hooks *hooks);
void leak_reports_clear(struct leak_reports *reports);

/* Reports a leak, unless it is to be ignored, and has it in its group. The names of its stack are
 * looked up; they are not waited for. */
void leak_reports_tell(struct leak_reports *reports, struct tcp_socket *socket,
		       struct process *process, struct leak *leak);

/* The same of a socket that ends at leak->time_ns: a copy of the leak waits for the names. */
void leak_reports_tell_last(struct leak_reports *reports, struct tcp_socket *socket,
			    struct process *process, struct leak *leak);

/* The end of what was told, if it was; time_ns 0: it was not seen. */
void leak_reports_end(struct leak_reports *reports, struct tcp_socket *socket, uint64_t time_ns);

/* leak_watch_settle(). */
void leak_reports_settle(struct leak_reports *reports, uint64_t now_ns, bool all);

/* leak_watch_groups(). */
struct leak_groups *leak_reports_groups(struct leak_reports *reports, uint64_t now_ns);

/* leak_watch_each(). */
void leak_reports_each(struct leak_reports *reports,
		       void (*each)(void *context, const struct tcp_socket *socket,
				    struct process *process, enum leak_kind kind),
		       void *context);

/* In CLOSE_WAIT, at time_ns. Records of several CPUs may be a little late: no age is below 0. */
static inline uint64_t leak_age(const struct tcp_socket *socket, uint64_t time_ns)
{
	return time_ns > socket->since_ns ? time_ns - socket->since_ns : 0;
}

#endif
