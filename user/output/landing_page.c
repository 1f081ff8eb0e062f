// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/landing_page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/shown.h"
#include "base/units.h"
#include "base/utf8.h"
#include "model/completeness.h"
#include "output/text_style.h"

static const char style[] =
	":root { color-scheme: light dark; --back: #fff; --text: #1c2024; --dim: #5b636c;"
	" --line: #d9dde2; --bad: #b3261e; --bad-back: #fdeceb; --good: #1b6e3c;"
	" --good-back: #e9f6ee; --warn: #7a4b00; --warn-back: #fdf0d9; --link: #0b57d0; }\n"
	"@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #e4e7ea;"
	" --dim: #9aa3ad; --line: #30363d; --bad: #ff9d94; --bad-back: #3a1c1a; --good: #7fd69b;"
	" --good-back: #16301f; --warn: #f2c063; --warn-back: #382a10; --link: #8ab4f8; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif;"
	" max-width: 52rem; margin: 0 auto; padding: 2rem 1rem; overflow-wrap: anywhere; }\n"
	"header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline;"
	" justify-content: space-between; margin-bottom: 1rem; }\n"
	"h1 { font-size: 1.5rem; margin: 0; }\n"
	"h2 { font-size: 1rem; margin: 0 0 .25rem; }\n"
	"p { margin: 0; }\n"
	".dim, th { color: var(--dim); font-size: .875rem; font-weight: 400; }\n"
	".verdict { border-left: .375rem solid; border-radius: .25rem; padding: .75rem 1rem;"
	" margin-bottom: 1.5rem; }\n"
	".verdict strong { display: block; font-size: 1.25rem; line-height: 1.3; }\n"
	".verdict.bad { background: var(--bad-back); border-color: var(--bad); }\n"
	".verdict.good { background: var(--good-back); border-color: var(--good); }\n"
	".bad strong, td.bad { color: var(--bad); font-weight: 600; }\n"
	".good strong { color: var(--good); }\n"
	"table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .375rem 0;"
	" border-bottom: 1px solid var(--line); }\n"
	"th + th, td + td { text-align: right; padding-left: 1rem;"
	" font-variant-numeric: tabular-nums; }\n"
	".severity { display: inline-block; min-width: 4.5rem; margin-right: .5rem; text-align: center;"
	" border-radius: .25rem; padding: 0 .5rem; font-size: .875rem; }\n"
	".critical { color: var(--bad); background: var(--bad-back); font-weight: 600; }\n"
	".warning { color: var(--warn); background: var(--warn-back); }\n"
	".info { color: var(--dim); box-shadow: inset 0 0 0 1px var(--line); }\n"
	"#who td + td, #who th + th, #findings td + td, #findings th + th { white-space: nowrap; width: 1%; padding-left: 1.5rem; }\n"
	".two td:first-child { white-space: nowrap; }\n"
	"bdi, code { font-family: ui-monospace, monospace; }\n"
	"bdi { font-weight: 600; }\n"
	"dl { margin: 0 0 1.5rem; font-size: .875rem; }\n"
	"dt { font-weight: 600; }\n"
	"dd { margin: 0 0 .5rem; color: var(--dim); }\n"
	".two { display: grid; gap: 0 2.5rem;"
	" grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }\n"
	"a { color: var(--link); }\n"
	"nav { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }\n";

/* What each kind of leak means; docs/leaks.md has more. */
static const char *const advice[LEAK_KINDS] = {
	[LEAK_UNCLOSED] =
		"The program has read the end of the stream and not closed the socket: a bug.",
	[LEAK_UNREAD] = "The program has not read the end of the stream: it is blocked or hung.",
	[LEAK_UNACCEPTED] =
		"The program does not accept the connection: it waits in the listener's queue.",
	[LEAK_STALLED] = "Data waits to be sent, and makes no progress.",
};

struct row {
	const struct metric_group *group;
	uint64_t leaks;
};

/* The sums over all groups. */
struct sums {
	uint64_t sockets[TCP_STATES];
	uint64_t leaked[LEAK_KINDS];
	uint64_t leaks;
	uint64_t idle;
	size_t groups; /* with leaks */
	struct row rows[LANDING_ROWS];
	size_t row_count;
};

/* Keeps the rows with most leaks, in order. */
static void row_add(struct sums *sums, const struct metric_group *group, uint64_t leaks)
{
	size_t at = sums->row_count;

	while (at && sums->rows[at - 1].leaks < leaks)
		at--;
	if (at == LANDING_ROWS)
		return;
	if (sums->row_count < LANDING_ROWS)
		sums->row_count++;
	memmove(&sums->rows[at + 1], &sums->rows[at],
		(sums->row_count - at - 1) * sizeof(*sums->rows));
	sums->rows[at] = (struct row){.group = group, .leaks = leaks};
}

static void groups_add(struct sums *sums, struct metric_groups *groups)
{
	const struct metric_group *group = NULL;

	while ((group = metric_groups_next(groups, group))) {
		uint64_t leaks = 0;

		sums->idle += group->idle;
		for (int i = 0; i < TCP_STATES; i++)
			sums->sockets[i] += group->sockets[i];
		for (int i = 0; i < LEAK_KINDS; i++) {
			sums->leaked[i] += group->leaked[i];
			leaks += group->leaked[i];
		}
		if (!leaks)
			continue;
		sums->leaks += leaks;
		sums->groups++;
		row_add(sums, group, leaks);
	}
}

/* Writes a text that may have any bytes. */
static void text_write(FILE *page, const char *text)
{
	size_t length;

	for (; *text; text += length ? length : 1) {
		length = utf8_sequence(text);
		if (!shown_sequence(text))
			fputs(UTF8_REPLACEMENT, page);
		else if (length == 1 && strchr("&<>\"'", *text))
			fprintf(page, "&#%d;", *text);
		else
			fwrite(text, 1, length, page);
	}
}

static void number_row(FILE *page, const char *name, const char *id, uint64_t number, bool bad)
{
	char text[COUNT_TEXT_LEN];

	fprintf(page, "<tr><td>%s</td><td id=\"%s\"%s>%s</td></tr>\n", name, id,
		bad ? " class=\"bad\"" : "", text_count(number, text));
}

static void text_row(FILE *page, const char *name, const char *id, const char *text)
{
	fprintf(page, "<tr><td>%s</td><td id=\"%s\">", name, id);
	text_write(page, text);
	fputs("</td></tr>\n", page);
}

/* The worst finding comes first. One of severity info may be intended. */
static bool is_alarming(const struct finding_list *findings)
{
	return findings->count && findings->open[0].subject->severity > SEVERITY_INFO;
}

/* After the verdict. */
static void incomplete_write(FILE *page, const struct watch_status *status)
{
	char lost[COUNT_TEXT_LEN], seen[COUNT_TEXT_LEN];

	if (!status->incomplete)
		return;
	fprintf(page,
		"<div class=\"verdict bad\"><strong id=\"incomplete\">The answer is incomplete</strong>\n"
		"<p>Events were lost in the last %d minutes, %s of %s since the start: sockets that leaked "
		"and were closed meanwhile may be missing. tcpwatch's log has the remedy.</p></div>\n",
		COMPLETENESS_LATELY_MIN, text_count(status->lost, lost),
		text_count(status->events, seen));
}

/* The top of the page: whether something is wrong. The icon shows it in the tab of a browser. */
static void head_write(FILE *page, const struct watch_status *status, const struct sums *sums)
{
	bool alarming = is_alarming(&status->findings);
	char duration[DURATION_TEXT_LEN], count[COUNT_TEXT_LEN];

	fprintf(page,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' "
		"viewBox='0 0 8 8'%%3E%%3Ccircle cx='4' cy='4' r='3.5' fill='%%23%s'/%%3E%%3C/svg%%3E\">\n"
		"<title>tcpwatch</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		sums->leaks || alarming || status->incomplete ? "d93025" : "1e8e3e", style);
	fprintf(page,
		"<header>\n<h1>tcpwatch</h1>\n<p class=\"dim\">%s, mode %s, up %s</p>\n</header>\n",
		status->version, feature_mode(status->features),
		duration_format(status->duration_ns, duration));
	duration_format(status->close_wait_ns, duration);
	if (!sums->leaks) {
		fprintf(page,
			"<div class=\"verdict %s\"><strong id=\"leaks\">No leaked sockets%s</strong>\n"
			"<p>No socket was left in CLOSE_WAIT for longer than %s.</p></div>\n",
			alarming || status->incomplete ? "bad" : "good",
			alarming	     ? ", but something else is wrong"
			: status->incomplete ? ", but the answer is incomplete"
					     : "",
			duration);
		return;
	}
	fprintf(page,
		"<div class=\"verdict bad\"><strong id=\"leaks\">%s leaked socket%s</strong>\n"
		"<p>In CLOSE_WAIT for longer than %s: the peer has closed, this side has not.</p></div>\n",
		text_count(sums->leaks, count), sums->leaks == 1 ? "" : "s", duration);
}

/* Writes the labels that divide a command name into groups. */
static void labels_write(FILE *page, const struct watch_status *status,
			 const struct metric_group *group)
{
	const struct metric_labels *labels = &status->labels;
	const char *path = metric_groups_path(status->groups, group);

	if (labels->pid && group->key.pid)
		fprintf(page, " <span class=\"dim\">pid %u</span>", group->key.pid);
	if (labels->netns && group->key.netns)
		fprintf(page, " <span class=\"dim\">netns %u</span>", group->key.netns);
	if (labels->cgroup && *path) {
		fputs(" <span class=\"dim\">cgroup ", page);
		text_write(page, path);
		fputs("</span>", page);
	}
}

static void leak_row_write(FILE *page, const struct watch_status *status, const struct row *row)
{
	const struct metric_group *group = row->group;
	char comm[EVENT_COMM_LEN + 1] = {0}, count[COUNT_TEXT_LEN], age[DURATION_TEXT_LEN];
	const char *comma = "";
	uint64_t age_ns =
		status->time_ns > group->oldest_ns ? status->time_ns - group->oldest_ns : 0;

	memcpy(comm, group->key.comm, EVENT_COMM_LEN);
	fputs("<tr><td><bdi>", page);
	text_write(page, comm);
	fputs("</bdi>", page);
	labels_write(page, status, group);
	fputs("<div class=\"dim\">", page);
	for (int i = 0; i < LEAK_KINDS; i++) {
		if (!group->leaked[i])
			continue;
		fprintf(page, "%s%s %s", comma, text_count(group->leaked[i], count),
			leak_kind_name((enum leak_kind)i));
		comma = ", ";
	}
	fprintf(page, "</div></td><td>%s</td><td>%s</td></tr>\n", text_count(row->leaks, count),
		group->oldest_ns ? duration_format(age_ns, age) : "unknown");
}

static void finding_row_write(FILE *page, const struct watch_status *status,
			      const struct finding_open *open)
{
	const struct subject *subject = open->subject;
	const struct finding finding = {.place = subject->place, .flow = subject->flow};
	const char *severity = severity_name(subject->severity);
	char place[FINDING_PLACE_LEN], age[DURATION_TEXT_LEN];
	uint64_t age_ns =
		status->time_ns > subject->since_ns ? status->time_ns - subject->since_ns : 0;

	fprintf(page, "<tr><td><span class=\"severity %s\">%s</span> %s<div class=\"dim\">",
		severity, severity, finding_name(subject->id));
	if (open->process) {
		fputs("<bdi>", page);
		text_write(page, open->process->comm);
		fputs("</bdi>", page);
		if (open->process->tgid)
			fprintf(page, " pid %u", open->process->tgid);
		else if (open->process->alike)
			fprintf(page, " (%u processes)", open->process->alike);
		fputs(subject->place == PLACE_NONE ? "" : ", ", page);
	}
	text_write(page, finding_format_place(&finding, place));
	fprintf(page, "</div></td><td>%s ago</td></tr>\n", duration_format(age_ns, age));
}

static void findings_write(FILE *page, const struct watch_status *status)
{
	const struct finding_list *findings = &status->findings;
	size_t shown = findings->count < LANDING_ROWS ? findings->count : LANDING_ROWS;
	char count[COUNT_TEXT_LEN];

	if (!findings->count)
		return;
	fputs("<table id=\"findings\">\n<tr><th>Finding</th><th>Since</th></tr>\n", page);
	for (size_t i = 0; i < shown; i++)
		finding_row_write(page, status, &findings->open[i]);
	if (findings->count > shown)
		fprintf(page, "<tr><td class=\"dim\">and %s more</td><td></td></tr>\n",
			text_count(findings->count - shown, count));
	fputs("</table>\n<dl>\n<dt>What does a finding mean, and what can be done?</dt><dd>"
	      "<code>tcpwatch --explain=FINDING</code> explains it, on any host; the evidence is in "
	      "tcpwatch's log</dd>\n</dl>\n",
	      page);
}

static void leaks_write(FILE *page, const struct watch_status *status, const struct sums *sums)
{
	char count[COUNT_TEXT_LEN];

	if (!sums->leaks)
		return;
	fputs("<table id=\"who\">\n<tr><th>Command</th><th>Leaked</th><th>Oldest</th></tr>\n",
	      page);
	for (size_t i = 0; i < sums->row_count; i++)
		leak_row_write(page, status, &sums->rows[i]);
	if (sums->groups > sums->row_count)
		fprintf(page, "<tr><td class=\"dim\">and %s more</td><td></td><td></td></tr>\n",
			text_count(sums->groups - sums->row_count, count));
	fputs("</table>\n<dl>\n", page);
	for (int i = 0; i < LEAK_KINDS; i++)
		if (sums->leaked[i])
			fprintf(page, "<dt>%s</dt><dd>%s</dd>\n", leak_kind_name((enum leak_kind)i),
				advice[i]);
	fputs("<dt>Which descriptors and peers?</dt><dd>They are in tcpwatch's log; or run, as root "
	      "on the host: <code>tcpwatch -n COMMAND</code></dd>\n</dl>\n",
	      page);
}

static void sockets_write(FILE *page, const struct sums *sums)
{
	char id[40];

	fputs("<section>\n<h2>Sockets now</h2>\n<table>\n", page);
	for (unsigned int i = 0; i < TCP_STATES; i++) {
		/* CLOSE_WAIT is always shown. */
		if (!sums->sockets[i] && i != TCP_CLOSE_WAIT)
			continue;
		snprintf(id, sizeof(id), "state-%s", tcp_state_name(i));
		number_row(page, tcp_state_name(i), id, sums->sockets[i], false);
		if (i == TCP_CLOSE_WAIT && sums->idle)
			number_row(page, "of these, idle in a pool", "idle", sums->idle, false);
	}
	fputs("</table>\n</section>\n", page);
}

static void missing_write(FILE *page, feature_set features)
{
	const char *comma = "";

	fputs("<tr><td>Not seen here</td><td id=\"missing\">", page);
	for (int i = 0; i < FEATURES; i++) {
		if (!feature_is_missing(features, (enum feature)i))
			continue;
		fprintf(page, "%s%s", comma, feature_infos[i].name);
		comma = ", ";
	}
	fprintf(page, "%s</td></tr>\n", *comma ? "" : "nothing");
}

static void since_write(FILE *page, const struct watch_status *status)
{
	time_t seconds =
		(time_t)(clock_wall_ns(&status->clock, status->time_ns - status->duration_ns) /
			 NS_PER_S);
	struct tm time;
	char text[40] = "";

	if (gmtime_r(&seconds, &time))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &time);
	text_row(page, "Watching since", "since", text);
}

static void tail_write(FILE *page, const struct watch_status *status)
{
	fputs("<section>\n<h2>tcpwatch</h2>\n<table>\n", page);
	number_row(page, "Leaks reported", "reported", status->leaks_total, false);
	number_row(page, "Events seen", "events", status->events, false);
	number_row(page, "Events lost", "lost", status->lost, status->lost);
	since_write(page, status);
	text_row(page, "Kernel", "kernel", status->kernel);
	missing_write(page, status->features);
	fputs("</table>\n</section>\n</div>\n<nav><a href=\"/metrics\">Metrics</a>"
	      "<a href=\"/-/healthy\">Healthy</a><a href=\"/-/ready\">Ready</a></nav>\n"
	      "</body>\n</html>\n",
	      page);
}

int landing_page_write(const struct watch_status *status, char **text, size_t *size)
{
	struct sums sums = {0};
	char *written = NULL;
	size_t length = 0;
	FILE *page = open_memstream(&written, &length);
	bool failed;

	if (!page)
		return -ENOMEM;
	groups_add(&sums, status->groups);
	head_write(page, status, &sums);
	incomplete_write(page, status);
	findings_write(page, status);
	leaks_write(page, status, &sums);
	fputs("<div class=\"two\">\n", page);
	sockets_write(page, &sums);
	tail_write(page, status);
	failed = ferror(page);
	if (fclose(page) || failed) {
		free(written);
		return -ENOMEM;
	}
	*text = written;
	*size = length;
	return 0;
}
