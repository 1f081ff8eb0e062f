/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_PAGES_H
#define TCPWATCH_ENGINE_PAGES_H

#include <stdint.h>

#include "engine/engine.h"
#include "metric/exposition.h"
#include "output/status.h"

/* What pages and systemd ask the engine. None of these may be called during engine_poll(). */

/* What the status line of systemd shows. */
struct engine_news {
	uint64_t leaks_open;
	uint64_t leaks_total;
	uint64_t lost; /* events */
};

void engine_news(struct engine *engine, struct engine_news *news);

/* The next two take in the records that have come and may scan; only where metrics are served. */

/* Fills in *status, valid until the next engine_poll(). Returns 0 or a negative errno; after 0 the
 * caller frees it with engine_status_clear(). */
int engine_status(struct engine *engine, struct watch_status *status);
void engine_status_clear(struct watch_status *status);

/* Appends the page of metrics to *text. Returns 0 or a negative errno, -ENOMEM where the text has
 * no memory. */
int engine_metrics(struct engine *engine, struct metric_text *text);

#endif
