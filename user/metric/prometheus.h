/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PROMETHEUS_H
#define TCPWATCH_PROMETHEUS_H

#include "base/clock.h"
#include "model/feature.h"
#include "model/ledger.h"
#include "metric/group.h"
#include "metric/exposition.h"

/* The content of a page of metrics. All of it stays the caller's. */
struct metrics_page {
	struct metric_groups *groups;
	struct metric_labels labels;
	const struct ledger *ledger;
	const struct clock *clock;
	const char *version;
	const char *kernel;
	feature_set features;
	bool has_stacks;	 /* -s */
	uint64_t stacks_refused; /* sockets without a site, because a table was full */
	uint64_t unanswered;	 /* asker_failures() */
};

/* The value of the HTTP header Content-Type, a static string. */
const char *metrics_content_type(bool open_metrics);

/* Writes the page. text->no_memory is set if it is incomplete. */
void metrics_write(struct metric_text *text, const struct metrics_page *page);

#endif
