/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RECONCILE_H
#define TCPWATCH_RECONCILE_H

#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * Corrects the socket table by a full scan: sockets that were not known are added with an unknown
 * start, sockets that do not exist any more are removed, and owners are learned from descriptors. A
 * record that is newer than what the scan saw of that socket counts more than the scan.
 *
 * The scan may be made in parts, with records taken in between them: begin, which takes in what the
 * result has so far; add, with the first record that is new, before records that came meanwhile are
 * handled; learn, when the scan is complete and its result finished; end, when all records that
 * came before that have been handled. One that does not come to its end: mini_scan_give_up().
 */
void reconcile_begin(struct tracker *tracker, const struct scan_result *result);
void reconcile_add(struct tracker *tracker, const struct scan_result *result, size_t from);
void reconcile_learn(struct tracker *tracker, const struct scan_result *result);
void reconcile_end(struct tracker *tracker, const struct scan_result *result);

/*
 * Learns from any scan of descriptors whose the listeners are: of those who hold them now, whoever
 * called listen(). A listener that nobody is seen to hold (it is in transit, or not in a
 * descriptor) stays with its owner for as long as alive(context, tgid) says that it may still run.
 */
void reconcile_listeners(struct tracker *tracker, const struct scan_result *result,
			 bool (*alive)(void *context, uint32_t tgid), void *context);

#endif
