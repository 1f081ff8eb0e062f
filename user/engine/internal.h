/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_INTERNAL_H
#define TCPWATCH_ENGINE_INTERNAL_H

#include "track/coalesce.h"
#include "engine/engine.h"
#include "finding/watch.h"
#include "leak/watch.h"
#include "model/ledger.h"
#include "metric/group.h"
#include "engine/scan_plan.h"
#include "engine/scrape_scan.h"
#include "track/stack_tracker.h"
#include "leak/suppression_gen.h"
#include "track/tracker.h"

/* What the engine_*.c have in common; nobody else looks into it. */
struct engine {
	struct engine_config config;
	struct filter *watched;
	struct tracker tracker;
	struct coalesce coalesce;
	struct leak_watch *leaks;
	struct finding_watch *findings;
	struct stack_tracker stacks; /* with -s */
	struct scan_plan scans;
	struct metric_groups *metrics; /* NULL where none are served */
	struct scrape_scan scrapes;    /* where they are */
	struct suppression_gen *made;  /* --gen-suppressions; NULL without */
	struct ledger ledger;
	uint64_t started_ns;
	uint64_t summary_at_ns;
	uint64_t leaks_told; /* handed to the output */
	bool finishing;
};

/* The source's CLOCK_MONOTONIC. */
uint64_t engine_now(const struct engine *engine);

/* What the rooms tell each other, and ask the kernel, through the engine. */
struct tracker_hooks engine_tracker_hooks(struct engine *engine);
struct leak_hooks engine_leak_hooks(struct engine *engine);
struct finding_hooks engine_finding_hooks(struct engine *engine);

#endif
