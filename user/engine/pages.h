/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_PAGES_H
#define TCPWATCH_ENGINE_PAGES_H

#include <stdint.h>

#include "engine/engine.h"
#include "metric/exposition.h"
#include "output/status.h"

/* What pages and systemd ask of the engine. */

/* What the status line of systemd shows. */
struct engine_news {
	uint64_t leaks_open;
	uint64_t leaks_total;
	uint64_t lost; /* events */
};

/* Where metrics are served: looks what there is now. Returns 0 or a negative errno; the caller
 * frees it with engine_status_clear(). */
int engine_status(struct engine *engine, struct watch_status *status);
void engine_status_clear(struct watch_status *status);

/* What systemd is told. */
void engine_news(struct engine *engine, struct engine_news *news);

/* Where metrics are served: writes the page. Returns 0 or a negative errno. */
int engine_metrics(struct engine *engine, struct metric_text *text);

#endif
