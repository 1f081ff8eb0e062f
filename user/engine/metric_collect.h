/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_COLLECT_H
#define TCPWATCH_METRIC_COLLECT_H

#include "finding/watch.h"
#include "leak/watch.h"
#include "metric/group.h"
#include "track/tracker.h"

/* Counts what is open, leaked and wrong now into the gauges of the groups. */
void metric_collect(struct metric_groups *groups, struct tracker *tracker, struct leak_watch *leaks,
		    struct finding_watch *findings);

#endif
