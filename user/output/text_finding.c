// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_finding.h"

#include <string.h>

#include "base/units.h"

#define INDENT	      "    "
#define NAME_COLUMNS  18
#define ADVICE_COLUMN 74

/* Prints "seconds_left" as "seconds left". */
static void put_name(FILE *file, const char *name)
{
	int length = 0;

	fputs(INDENT, file);
	for (; *name; name++, length++)
		putc(*name == '_' ? ' ' : *name, file);
	fprintf(file, "%*s ", length < NAME_COLUMNS ? NAME_COLUMNS - length : 0, "");
}

/* Prints one decimal below 100, unless it is 0. Uses integers, so the locale does not matter. */
static void put_rate(FILE *file, double rate, const char *unit)
{
	char count[COUNT_TEXT_LEN];
	double size = rate < 0 ? -rate : rate;
	uint64_t tenths = (uint64_t)(size * 10 + 0.5);

	fprintf(file, "%s%s", rate < 0 && tenths ? "-" : "", text_count(tenths / 10, count));
	if (tenths < 1000 && tenths % 10)
		fprintf(file, ".%u", (unsigned int)(tenths % 10));
	fputs(unit, file);
}

static void put_value(FILE *file, const struct text_style *style, const struct evidence *evidence)
{
	char text[COUNT_TEXT_LEN], duration[DURATION_TEXT_LEN];

	switch (evidence->unit) {
	case EVIDENCE_COUNT:
		fputs(text_count(evidence->count, text), file);
		break;
	case EVIDENCE_BYTES:
		fprintf(file, "%s bytes", text_count(evidence->count, text));
		break;
	case EVIDENCE_DURATION:
		fprintf(file, "%s%s", evidence->at_least ? ">= " : "",
			duration_format(evidence->count, duration));
		break;
	case EVIDENCE_PER_SECOND:
		put_rate(file, evidence->rate, "/s");
		break;
	case EVIDENCE_PER_MINUTE:
		put_rate(file, evidence->rate, "/min");
		break;
	case EVIDENCE_PERCENT:
		put_rate(file, evidence->rate, "%");
		break;
	case EVIDENCE_FLAG:
		fputs(evidence->count ? "yes" : "no", file);
		break;
	case EVIDENCE_TEXT:
		text_put_name(style, file, evidence->text);
		break;
	}
}

static void put_evidence(FILE *file, const struct text_style *style,
			 const struct evidence *evidence)
{
	put_name(file, evidence->name);
	put_value(file, style, evidence);
	putc('\n', file);
}

/* The length up to the next space at which a line may end: a command in quotes stays whole, so that
 * it can be copied, if it fits into a line. */
static size_t word_length(const char *text)
{
	size_t word = strcspn(text, " ");
	const char *open = memchr(text, '"', word);
	const char *close = open ? strchr(open + 1, '"') : NULL;
	size_t whole = close ? (size_t)(close - text) + strcspn(close, " ") : word;

	return whole > word && whole <= ADVICE_COLUMN ? whole : word;
}

/* Prints a text in lines that end between words. */
static void put_advice(FILE *file, const char *advice)
{
	size_t column = 0;

	while (*advice) {
		size_t word = word_length(advice);

		if (column && column + 1 + word > ADVICE_COLUMN) {
			fputs("\n", file);
			column = 0;
		}
		fprintf(file, "%s%.*s", column ? " " : INDENT, (int)word, advice);
		column += word + (column ? 1 : 0);
		advice += word + strspn(advice + word, " ");
	}
	putc('\n', file);
}

static const char *colour(const struct text_style *style, enum severity severity)
{
	return severity == SEVERITY_CRITICAL ? text_red(style) : text_bold(style);
}

static void put_head(FILE *file, const struct text_style *style, const struct clock *clock,
		     const struct finding *finding, const char *word)
{
	char time[CLOCK_TIME_LEN], process[PROCESS_TEXT_LEN], place[FINDING_PLACE_LEN];

	fprintf(file, "%s  %s%s%s %s", clock_format_time(clock, finding->time_ns, time),
		colour(style, finding->severity), word, text_plain(style),
		finding_name(finding->id));
	if (finding->process)
		fprintf(file, "  %s", text_process(style, finding->process, process));
	if (finding->place != PLACE_NONE) {
		fprintf(file, "  %s", finding_format_place(finding, place));
		text_put_netns(style, file, finding->flow.netns);
	}
}

static const char *word_of(const struct finding *finding)
{
	return finding->status == FINDING_WORSE ? "WORSE  " : "FINDING";
}

static void put_over(FILE *file, const struct text_style *style, const struct clock *clock,
		     const struct finding *finding)
{
	char duration[DURATION_TEXT_LEN];

	put_head(file, style, clock, finding, "OVER   ");
	fprintf(file, "  after %s\n",
		duration_format(finding->time_ns - finding->since_ns, duration));
}

void text_finding_put_line(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding *finding)
{
	const char *separator = ": ";

	if (finding->status == FINDING_OVER) {
		put_over(file, style, clock, finding);
		return;
	}
	put_head(file, style, clock, finding, word_of(finding));
	fprintf(file, "  %s", severity_name(finding->severity));
	for (unsigned int i = 0; i < finding->evidence_count; i++) {
		fprintf(file, "%s%s ", separator, finding->evidence[i].name);
		put_value(file, style, &finding->evidence[i]);
		separator = ", ";
	}
	putc('\n', file);
}

void text_finding_put(FILE *file, const struct text_style *style, const struct clock *clock,
		      const struct finding *finding)
{
	char duration[DURATION_TEXT_LEN];

	if (finding->status == FINDING_OVER) {
		put_over(file, style, clock, finding);
		return;
	}
	put_head(file, style, clock, finding, word_of(finding));
	fprintf(file, "  %s%s%s\n", colour(style, finding->severity),
		severity_name(finding->severity), text_plain(style));
	put_advice(file, finding->says);
	if (finding->status == FINDING_WORSE) {
		put_name(file, "opened");
		fprintf(file, "%s ago\n",
			duration_format(finding->time_ns - finding->since_ns, duration));
	}
	for (unsigned int i = 0; i < finding->evidence_count; i++)
		put_evidence(file, style, &finding->evidence[i]);
	put_advice(file, finding->advice);
	fprintf(file, "%s%stcpwatch --explain=%s%s\n", INDENT, text_dim(style),
		finding_name(finding->id), text_plain(style));
}

void text_finding_put_open(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding_open *open)
{
	const struct subject *subject = open->subject;
	const struct finding finding = {.place = subject->place, .flow = subject->flow};
	char time[CLOCK_TIME_LEN], process[PROCESS_TEXT_LEN], place[FINDING_PLACE_LEN];

	fprintf(file, "  %s%-8s%s  %s", colour(style, subject->severity),
		severity_name(subject->severity), text_plain(style), finding_name(subject->id));
	if (open->process)
		fprintf(file, "  %s", text_process(style, open->process, process));
	if (subject->place != PLACE_NONE) {
		fprintf(file, "  %s", finding_format_place(&finding, place));
		text_put_netns(style, file, subject->flow.netns);
	}
	fprintf(file, "  since %s\n", clock_format_time(clock, subject->since_ns, time));
}
