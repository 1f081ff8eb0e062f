/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_WATCH_H
#define TCPWATCH_LEAK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leak/group.h"
#include "leak/leak.h"
#include "model/scan_result.h"
#include "track/tracker.h"

struct leak_watch;

/*
 * Waits for sockets in CLOSE_WAIT to pass threshold_ns and then has them judged. `tracker` must
 * outlive it. NULL without memory.
 */
struct leak_watch *leak_watch_new(struct tracker *tracker, uint64_t threshold_ns,
				  const struct leak_hooks *hooks);
void leak_watch_free(struct leak_watch *watch);

/* The socket is in CLOSE_WAIT now. */
void leak_watch_enter(struct leak_watch *watch, struct tcp_socket *socket);

/* From now on it is also a leak to end with sockets in CLOSE_WAIT (leak/left.h). */
void leak_watch_mind_exits(struct leak_watch *watch);

/* A process ends, and leaves the socket in CLOSE_WAIT: before leak_watch_leave(). */
void leak_watch_left(struct leak_watch *watch, struct tcp_socket *socket,
		     const struct event_transition *e);

/* The end comes: asks for the names of what leak_watch_collect_last() will collect. */
void leak_watch_ask_last(struct leak_watch *watch, uint64_t now_ns);

/* The end: no leak waits for names any more, and where exits are minded, what is in CLOSE_WAIT now
 * is due, be it ever so young. Returns how many sockets wait for judgement. */
size_t leak_watch_collect_last(struct leak_watch *watch, uint64_t now_ns);

/* The socket leaves CLOSE_WAIT at time_ns; 0: its end was not seen. */
void leak_watch_leave(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns);

/* When something is due; UINT64_MAX if nothing waits. */
uint64_t leak_watch_deadline(const struct leak_watch *watch);

/* Collects what is due at now_ns; returns how many sockets wait for judgement. */
size_t leak_watch_collect(struct leak_watch *watch, uint64_t now_ns);

/* Are all collected sockets in the result? If not, the TCP tables must be asked as well as the
 * descriptors. */
bool leak_watch_all_found(struct leak_watch *watch, const struct scan_result *result);

/*
 * Judges what was collected. Returns how many of them were not found at all, so that the socket
 * table needs reconciling.
 */
size_t leak_watch_judge(struct leak_watch *watch, const struct scan_result *result,
			uint64_t now_ns);

/*
 * Reports what has ended and waited for the names of its stack only, as far as they have come, or
 * been waited for long enough. In the end (`all`) without them.
 */
void leak_watch_settle(struct leak_watch *watch, uint64_t now_ns, bool all);

/* Does any leak, reported or not, wait for names that may still come? */
bool leak_watch_awaits_names(struct leak_watch *watch, uint64_t now_ns);

/* The scan failed: asks again after retry_ns. */
void leak_watch_postpone(struct leak_watch *watch, uint64_t now_ns, uint64_t retry_ns);

/* Calls each() for every reported leak that is still open; process: NULL = nobody known holds it.
 */
void leak_watch_each(struct leak_watch *watch,
		     void (*each)(void *context, const struct tcp_socket *socket,
				  struct process *process, enum leak_kind kind),
		     void *context);

/* The group of this process (NULL = nobody known) with the most leaks that are still open, but for
 * unaccepted ones; NULL if there is none. Its age may be out of date. *open: how many are, with
 * those of other call sites. */
const struct leak_group *leak_watch_most(const struct leak_watch *watch,
					 const struct process *process, uint64_t *open);

/* The call site of the most open leaks of this process, but for unaccepted ones: of connections
 * that idle in a client's pool, or of all others. NULL where it is not known. */
const char *leak_watch_site(const struct leak_watch *watch, const struct process *process,
			    bool pooled);

/* The groups of all reported leaks, with ages as of now_ns. */
struct leak_groups *leak_watch_groups(struct leak_watch *watch, uint64_t now_ns);

#endif
