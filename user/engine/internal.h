/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_INTERNAL_H
#define TCPWATCH_ENGINE_INTERNAL_H

#include "engine/config.h"
#include "engine/intake.h"
#include "engine/scan_plan.h"
#include "finding/watch.h"
#include "leak/suppression_gen.h"
#include "leak/watch.h"
#include "metric/group.h"
#include "model/completeness.h"
#include "model/ledger.h"
#include "track/stack_tracker.h"
#include "track/tracker.h"

/* The modules that engine.c connects. For the files of engine/ only. */
struct engine {
	struct engine_config config;
	struct ledger ledger;
	struct completeness completeness;
	struct filter *watched;
	struct tracker tracker;
	struct stack_tracker stacks; /* with -s */
	struct leak_watch *leaks;
	struct finding_watch *findings;
	struct metric_groups *metrics; /* NULL where none are served */
	struct suppression_gen *made;  /* --gen-suppressions; NULL without */
	struct intake intake;
	struct scan_plan scans;
	uint64_t started_ns;
	uint64_t taken, taken_ns; /* how many records, and when the last ones were */
	uint64_t summary_at_ns;	  /* UINT64_MAX without -i */
	uint64_t leaks_told;	  /* handed to the output */
	bool finishing;
};

/* The source's CLOCK_MONOTONIC, in ns. */
static inline uint64_t engine_now(const struct engine *engine)
{
	return engine->config.source->ops->now(engine->config.source);
}

#endif
