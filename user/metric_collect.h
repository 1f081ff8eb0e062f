/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_COLLECT_H
#define TCPWATCH_METRIC_COLLECT_H

#include "leak_watch.h"
#include "metric_group.h"
#include "tracker.h"

/* Counts what is open and leaked now into the gauges of the groups. */
void metric_collect(struct metric_groups *groups, struct tracker *tracker,
		    struct leak_watch *leaks);

#endif
