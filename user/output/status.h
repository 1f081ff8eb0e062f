/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STATUS_H
#define TCPWATCH_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "finding/watch.h"
#include "metric/group.h"
#include "model/feature.h"

/* What the landing page shows, as of time_ns. */
struct watch_status {
	const char *version;
	const char *kernel;
	feature_set features;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	struct clock clock;
	uint64_t duration_ns;	/* since the start */
	uint64_t close_wait_ns; /* longer than this is a leak */
	uint64_t leaks_total;	/* reported since the start */
	uint64_t events;
	uint64_t lost;
	bool incomplete; /* completeness_lacks_lately() */
	struct metric_labels labels;
	struct finding_list findings; /* the open ones, the worst first */
	struct metric_groups *groups; /* the engine's, with gauges as of now; until the next call */
};

#endif
