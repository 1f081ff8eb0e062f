/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_COLLECT_H
#define TCPWATCH_METRIC_COLLECT_H

#include "finding/watch.h"
#include "leak/watch.h"
#include "metric/group.h"
#include "track/tracker.h"

/*
 * Sets the gauges of the groups: open sockets, open leaks, open findings. Groups that are missing
 * are added; what has no room counts for the group "other" (metric/group.h).
 */
void metric_collect(struct metric_groups *groups, struct tracker *tracker, struct leak_watch *leaks,
		    const struct finding_watch *findings);

#endif
