/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_WATCH_H
#define TCPWATCH_LEAK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leak/leak.h"
#include "leak/report.h"
#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * Waits until sockets have been in CLOSE_WAIT for a threshold, and then has them judged by what a
 * scan says of them. The caller does the scan: collect, scan, judge (or postpone).
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
struct leak_watch;

/* The tracker stays the caller's and must outlive the leak watch; *hooks is copied. Returns NULL
 * without memory. */
struct leak_watch *leak_watch_new(struct tracker *tracker, uint64_t threshold_ns,
				  const struct leak_hooks *hooks);
void leak_watch_free(struct leak_watch *watch);

/* What was reported: its groups, its open leaks, and leaks whose report waits for names. Belongs to
 * the leak watch. */
struct leak_reports *leak_watch_reports(struct leak_watch *watch);

/* From now on, idle connections of clients are leaks like others (--strict). */
void leak_watch_be_strict(struct leak_watch *watch);

/* The socket has entered CLOSE_WAIT, after lived_ns nanoseconds in ESTABLISHED (DURATION_UNKNOWN:
 * not known). */
void leak_watch_enter(struct leak_watch *watch, struct tcp_socket *socket, uint64_t lived_ns);

/* From now on, sockets that are in CLOSE_WAIT when their process exits are reported as well:
 * leak_left_make(). */
void leak_watch_report_exits(struct leak_watch *watch);

/* A process exits and leaves the socket in CLOSE_WAIT. Must be called before leak_watch_leave(). */
void leak_watch_left(struct leak_watch *watch, struct tcp_socket *socket,
		     const struct event_transition *e);

/* Whether a socket of a process that has ended is still in CLOSE_WAIT: the kernel may be about to
 * close it. Only after leak_watch_report_exits(). */
bool leak_watch_left_open(const struct leak_watch *watch);

/* The socket leaves CLOSE_WAIT at time_ns; 0: no record of it was seen. */
void leak_watch_leave(struct leak_watch *watch, struct tcp_socket *socket, uint64_t time_ns);

/* When the next socket or report is due; UINT64_MAX if there is none. */
uint64_t leak_watch_deadline(const struct leak_watch *watch);

/* The most sockets that one scan is for: its result is kept in memory (a record has 128 bytes), and
 * is sorted in one turn of the loop. */
#define LEAK_DUE_LIMIT 100000

/* Collects the sockets that are due at now_ns, up to the limit; the others stay due. Returns how
 * many sockets wait for leak_watch_judge(). */
size_t leak_watch_collect(struct leak_watch *watch, uint64_t now_ns);

/* So many idle connections are looked at again by each scan; if there are more, in turn. */
#define LEAK_IDLE_AGAIN 16384

/* Whether leak_watch_judge() needs this record of a scan: it is of a collected socket, of an idle
 * connection whose turn it is, or of a listener. */
bool leak_watch_wants(const struct leak_watch *watch, const struct event_scan *record);

/* After a scan of the descriptors: adds the network namespaces of those collected sockets that it
 * has not found. They are in the TCP tables there, if they still exist. */
void leak_watch_add_missing(struct leak_watch *watch, const struct scan_result *result,
			    struct netns_set *netns);

/* Judges the collected sockets, and those that were reported as idle connections and are none any
 * more. Returns how many of them are not in the result: then the socket
 * table needs to be reconciled. */
size_t leak_watch_judge(struct leak_watch *watch, const struct scan_result *result,
			uint64_t now_ns);

/* At how many sockets leak_watch_judge_some() looks: for less than 20 ms. */
#define LEAK_JUDGE_STEP 4096

/* The same in steps, between which records may be taken in: call it with the same result until it
 * returns false. At the end it has set *missing to what leak_watch_judge() returns. */
bool leak_watch_judge_some(struct leak_watch *watch, const struct scan_result *result,
			   uint64_t now_ns, size_t *missing);

/* The scan failed: the collected sockets are due again after retry_ns. */
void leak_watch_postpone(struct leak_watch *watch, uint64_t now_ns, uint64_t retry_ns);

/* Shortly before the end: asks for the names of all stacks that leak_watch_collect_last() may
 * report. */
void leak_watch_ask_last(struct leak_watch *watch, uint64_t now_ns);

/* At the end: like leak_watch_collect(), but no leak waits for names any more, and after
 * leak_watch_report_exits() every socket that has been in CLOSE_WAIT for leak_left_grace() is due.
 */
size_t leak_watch_collect_last(struct leak_watch *watch, uint64_t now_ns);

#endif
