/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_PAGES_H
#define TCPWATCH_ENGINE_PAGES_H

#include <stdint.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "model/feature.h"
#include "finding/list.h"
#include "metric/group.h"
#include "metric/exposition.h"
#include "service.h"

/* What pages and systemd ask of the engine. */

/* What a landing page tells, as of time_ns. */
struct engine_status {
	const char *version;
	const char *kernel;
	feature_set features;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	struct clock clock;
	uint64_t duration_ns;	/* of watching */
	uint64_t close_wait_ns; /* longer than this is a leak */
	uint64_t leaks_total;	/* reported */
	uint64_t events;
	uint64_t lost;
	struct metric_labels labels;
	struct finding_list findings; /* that are open */
	struct metric_groups *groups; /* the engine's, with gauges as of now; until the next call */
};

/* Where metrics are served: looks what there is now. Returns 0 or a negative errno; the caller
 * frees it with engine_status_clear(). */
int engine_status(struct engine *engine, struct engine_status *status);
void engine_status_clear(struct engine_status *status);

/* What systemd is told. */
void engine_news(struct engine *engine, struct service_news *news);

/* Where metrics are served: writes the page. Returns 0 or a negative errno. */
int engine_metrics(struct engine *engine, struct metric_text *text);

#endif
