// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/pages.h"

#include <errno.h>

#include "engine/internal.h"
#include "engine/metric_collect.h"
#include "host/asker.h"
#include "metric/prometheus.h"
#include "base/version.h"

void engine_news(struct engine *engine, struct engine_news *news)
{
	struct leak_groups *groups =
		leak_reports_groups(leak_watch_reports(engine->leaks), engine_now(engine));
	struct leak_group *group = NULL;

	*news = (struct engine_news){.lost = ledger_lost(&engine->ledger)};
	while ((group = leak_groups_next(groups, group))) {
		if (group->kind == LEAK_IDLE)
			continue;
		news->leaks_total += group->total;
		news->leaks_open += group->open;
	}
}

/* Brings the gauges of the groups up to date. */
static int collect(struct engine *engine)
{
	int err = scan_plan_before_scrape(&engine->scans);

	if (err)
		return err;
	scan_plan_check_losses(&engine->scans);
	retransmit_table_settle(engine->tracker.retransmits, engine_now(engine));
	metric_collect(engine->metrics, &engine->tracker, engine->leaks, engine->findings);
	return 0;
}

int engine_status(struct engine *engine, struct watch_status *status)
{
	const struct engine_config *config = &engine->config;
	struct engine_news news;
	int err = collect(engine);

	if (err)
		return err;
	engine_news(engine, &news);
	*status = (struct watch_status){
		.version = TCPWATCH_VERSION,
		.kernel = config->kernel,
		.features = config->source->features,
		.time_ns = engine_now(engine),
		.clock = config->output->clock,
		.close_wait_ns = config->options->close_wait_ns,
		.events = engine->ledger.seen,
		.lost = news.lost,
		.leaks_total = news.leaks_total,
		.labels = config->options->labels,
		.groups = engine->metrics,
	};
	status->incomplete = completeness_lacks_lately(&engine->completeness, status->time_ns);
	status->duration_ns = status->time_ns - engine->started_ns;
	return finding_list_build(&status->findings, engine->findings);
}

void engine_status_clear(struct watch_status *status)
{
	finding_list_clear(&status->findings);
}

int engine_metrics(struct engine *engine, struct metric_text *text)
{
	const struct engine_config *config = &engine->config;
	const struct metrics_page page = {
		.groups = engine->metrics,
		.labels = config->options->labels,
		.ledger = &engine->ledger,
		.clock = &config->output->clock,
		.version = TCPWATCH_VERSION,
		.kernel = config->kernel,
		.features = config->source->features,
		.has_stacks = config->options->stack,
		.stacks_refused =
			config->options->stack ? stack_tracker_refused(&engine->stacks) : 0,
		.unanswered = asker_failures(),
	};
	int err = collect(engine);

	if (err)
		return err;
	metrics_write(text, &page);
	if (text->no_memory)
		return -ENOMEM;
	metric_groups_exported(engine->metrics);
	return 0;
}
