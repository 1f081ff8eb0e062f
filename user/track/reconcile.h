/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RECONCILE_H
#define TCPWATCH_RECONCILE_H

#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * Brings the socket table and a full scan together: sockets that were not known enter with an
 * unknown start, those that are gone leave, owners are learned from the descriptors. In two steps,
 * between which the records that came during the scan are taken in, so that a newer record wins
 * over the scan.
 */
void reconcile_begin(struct tracker *tracker, const struct scan_result *result);
void reconcile_end(struct tracker *tracker, const struct scan_result *result);

#endif
