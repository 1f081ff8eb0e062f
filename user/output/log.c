// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The output of tcpwatch in the background: only problems, and their ends. */
#include <stdlib.h>

#include "base/journal.h"
#include "output/output.h"
#include "output/text_finding.h"
#include "output/text_style.h"
#include "output/text_suppressions.h"
#include "base/units.h"

/* At most one line about losses is printed in this time; as long without losses ends them. */
#define LOSSES_PAUSE_NS (60 * NS_PER_S)

struct output_log {
	struct output base;
	struct output *text;	/* for leaks and their ends */
	uint64_t ring_size;	/* bytes */
	uint32_t netns;		/* the usual one */
	struct ledger printed;	/* what the last line about losses has included */
	uint64_t printed_at_ns; /* when that was; 0: never, or the end of losses was printed */
	uint64_t lost_last;	/* events lost in all, at the last call */
	uint64_t lost_at_ns;	/* when it grew */
};

static struct output_log *log_of(struct output *output)
{
	return (struct output_log *)output;
}

static void begin_line(struct output *output, const char *priority, uint64_t now_ns)
{
	char time[CLOCK_TIME_LEN];

	fprintf(output->file, "%s%s  ", journal_prefix(output->file, priority),
		clock_format_time(&output->clock, now_ns, time));
}

static void log_start(struct output *output, const struct output_start *start, uint64_t now_ns)
{
	log_of(output)->ring_size = start->options->ring_size;
	log_of(output)->netns = start->netns;
	output_text_set_netns(log_of(output)->text, start->netns);
	if (!feature_any_missing(start->features))
		return;
	begin_line(output, SD_NOTICE, now_ns);
	text_put_mode(output->file, start->features);
}

static void no_change(struct output *output, const struct change *change)
{
	(void)output;
	(void)change;
}

static void no_accepted(struct output *output, const struct accepted *accepted)
{
	(void)output;
	(void)accepted;
}

static void no_view(struct output *output, const struct view *view)
{
	(void)output;
	(void)view;
}

/* --gen-suppressions asks for them. */
static void log_end(struct output *output, const struct view *view)
{
	const struct text_style style = text_style_of(output->file);

	text_suppressions_put_made(output->file, &style, view);
}

static struct output *text_of(struct output *output, const char *priority)
{
	struct output *text = log_of(output)->text;

	fputs(journal_prefix(output->file, priority), output->file);
	text->clock = output->clock;
	return text;
}

static void log_leak(struct output *output, const struct leak *leak)
{
	struct output *text;

	if (leak->kind == LEAK_IDLE) /* no problem */
		return;
	text = text_of(output, SD_WARNING);
	text->ops->leak(text, leak);
}

static void log_leak_end(struct output *output, const struct leak_end *end)
{
	struct output *text;

	if (end->kind == LEAK_IDLE)
		return;
	text = text_of(output, SD_NOTICE);
	text->ops->leak_end(text, end);
}

/* A finding is one line in a log; --explain has the advice. */
static void log_finding(struct output *output, const struct finding *finding)
{
	static const char *const priorities[] = {[SEVERITY_INFO] = SD_NOTICE,
						 [SEVERITY_WARNING] = SD_WARNING,
						 [SEVERITY_CRITICAL] = SD_CRIT};
	struct text_style style = text_style_of(output->file);

	style.netns = log_of(output)->netns;
	fputs(journal_prefix(output->file, finding->status == FINDING_OVER
						   ? SD_NOTICE
						   : priorities[finding->severity]),
	      output->file);
	text_finding_put_line(output->file, &style, &output->clock, finding);
}

static void put_size(FILE *file, uint64_t bytes)
{
	static const char units[] = {'\0', 'K', 'M', 'G'};
	size_t unit = 0;

	while (unit + 1 < sizeof(units) && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	fprintf(file, unit ? "%llu%c" : "%llu", (unsigned long long)bytes, units[unit]);
}

/* The user can do something about a full ring only. */
static void put_remedy(const struct output_log *log, bool ring_full)
{
	FILE *file = log->base.file;
	uint64_t larger = log->ring_size * 4;

	if (!ring_full || log->ring_size >= RING_SIZE_MAX)
		return;
	fputs(": make the ring larger, --ring-size=", file);
	put_size(file, larger < RING_SIZE_MAX ? larger : RING_SIZE_MAX);
}

static void put_losses(struct output_log *log, const struct ledger *ledger, uint64_t now_ns)
{
	struct output *output = &log->base;
	char count[COUNT_TEXT_LEN], duration[DURATION_TEXT_LEN];
	uint64_t lost = ledger_lost(ledger) - ledger_lost(&log->printed);
	bool ring_full = ledger->lost[LOST_RING_FULL] > log->printed.lost[LOST_RING_FULL];
	const char *separator = " (";

	begin_line(output, SD_WARNING, now_ns);
	fprintf(output->file, "LOST %s event%s", text_count(lost, count), lost == 1 ? "" : "s");
	if (log->printed_at_ns)
		fprintf(output->file, " in %s",
			duration_format(now_ns - log->printed_at_ns, duration));
	for (int reason = 0; reason < LOST_REASONS; reason++) {
		uint64_t of_it = ledger->lost[reason] - log->printed.lost[reason];

		if (!of_it)
			continue;
		fprintf(output->file, "%s%s %s", separator, lost_reason_name(reason),
			text_count(of_it, count));
		separator = ", ";
	}
	fputs("), lifetimes are missing", output->file);
	put_remedy(log, ring_full);
	putc('\n', output->file);
	log->printed = *ledger;
	log->printed_at_ns = now_ns;
}

static void log_losses(struct output *output, const struct ledger *ledger, uint64_t now_ns)
{
	struct output_log *log = log_of(output);
	uint64_t lost = ledger_lost(ledger);
	char duration[DURATION_TEXT_LEN];

	if (lost > log->lost_last) {
		log->lost_last = lost;
		log->lost_at_ns = now_ns;
	}
	if (log->printed_at_ns && now_ns < log->printed_at_ns + LOSSES_PAUSE_NS)
		return;
	if (lost > ledger_lost(&log->printed)) {
		put_losses(log, ledger, now_ns);
	} else if (log->printed_at_ns && now_ns >= log->lost_at_ns + LOSSES_PAUSE_NS) {
		begin_line(output, SD_NOTICE, now_ns);
		fprintf(output->file, "END  LOST: no event was lost for %s\n",
			duration_format(now_ns - log->lost_at_ns, duration));
		log->printed_at_ns = 0;
	}
}

static void log_free(struct output *output)
{
	log_of(output)->text->ops->free(log_of(output)->text);
	free(output);
}

static const struct output_ops ops = {
	.start = log_start,
	.change = no_change,
	.accepted = no_accepted,
	.leak = log_leak,
	.leak_end = log_leak_end,
	.finding = log_finding,
	.losses = log_losses,
	.summary = no_view,
	.end = log_end,
	.free = log_free,
};

struct output *output_log_new(FILE *file)
{
	struct output_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->text = output_lines_new(file);
	if (!log->text) {
		free(log);
		return NULL;
	}
	log->base.ops = &ops;
	log->base.file = file;
	return &log->base;
}
