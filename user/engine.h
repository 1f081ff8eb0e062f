/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_H
#define TCPWATCH_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "feature.h"
#include "metric_group.h"
#include "metric_text.h"
#include "options.h"
#include "output.h"
#include "service.h"
#include "source.h"

struct engine;

struct engine_config {
	const struct options *options;
	struct source *source; /* stays the caller's */
	struct output *output; /* stays the caller's */
	const char *kernel;    /* for the start record */
	const char *targets;   /* for people: "nginx[812] and 2 more"; NULL = every process */
	uint32_t self_tgid;
	/* A child of a watched process was born (-f): whoever waits for the processes' ends wants
	 * to know. */
	void (*watch_child)(void *context, uint32_t tgid);
	void *context;
};

/* All that happens between a source and an output. NULL without memory. */
struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *engine);

/* The first scan, and the start record. The source must be attached. Returns 0 or a negative errno.
 */
int engine_start(struct engine *engine);

/* Takes in what has come and does what is due. Returns 0 or a negative errno (also of the output).
 */
int engine_poll(struct engine *engine);

/* When engine_poll() has something to do even if nothing comes; the source's CLOCK_MONOTONIC. */
uint64_t engine_deadline(const struct engine *engine);

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
	struct metric_groups *groups; /* the engine's, with gauges as of now; until the next call */
};

/* Where metrics are served: looks what there is now. Returns 0 or a negative errno. */
int engine_status(struct engine *engine, struct engine_status *status);

/* What systemd is told. */
void engine_news(struct engine *engine, struct service_news *news);

/* Where metrics are served: writes the page. Returns 0 or a negative errno. */
int engine_metrics(struct engine *engine, struct metric_text *text);

/* A watched process has ended. */
void engine_process_exited(struct engine *engine, uint32_t tgid);

/* Takes in the rest and prints the last summary. Returns 0 or a negative errno. */
int engine_finish(struct engine *engine);

#endif
