/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RECONCILE_H
#define TCPWATCH_RECONCILE_H

#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * Corrects the socket table by a full scan: sockets that were not known are added with an unknown
 * start, sockets that do not exist any more are removed, and owners are learned from descriptors.
 * The caller handles the records that came during the scan between the two steps, so that a record
 * that is newer than the scan counts more than the scan.
 */
void reconcile_begin(struct tracker *tracker, const struct scan_result *result);
void reconcile_end(struct tracker *tracker, const struct scan_result *result);

/*
 * Learns from any scan of descriptors whose the listeners are: of those who hold them now, whoever
 * called listen(). A listener that nobody is seen to hold (it is in transit, or not in a
 * descriptor) stays with its owner for as long as alive(context, tgid) says that it may still run.
 */
void reconcile_listeners(struct tracker *tracker, const struct scan_result *result,
			 bool (*alive)(void *context, uint32_t tgid), void *context);

#endif
