// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

/* Names come from files that may be broken, and go to a terminal. */
static char *clean(char *text)
{
	for (char *c = must(text); *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

static struct row *add_row(struct report *report, const char *what, const char *how)
{
	struct row *row;

	report->rows = list_grow(report->rows, report->row_count, sizeof(*report->rows));
	row = &report->rows[report->row_count++];
	*row = (struct row){.what = clean(strdup(what)), .how = clean(strdup(how))};
	return row;
}

void report_row(struct report *report, const char *what, const char *how)
{
	struct row *row = add_row(report, what, how);

	row->cells = zalloc(report->kernel_count, sizeof(*row->cells));
}

void report_text(struct report *report, const char *text)
{
	add_row(report, text, "")->text_row = true;
}

void report_heading(struct report *report, const char *what, const char *how)
{
	if (report->row_count)
		report_text(report, "");
	add_row(report, what, how);
}

void report_judge(struct report *report, size_t kernel, const struct verdict *verdict)
{
	static const char *const words[] = {"", "warning", "error"};
	struct row *row = &report->rows[report->row_count - 1];
	enum level level = verdict->level;
	char **line;

	row->cells[kernel] = clean(strdup(verdict->cell));
	if (level == LEVEL_ERROR)
		report->failed++;
	else
		report->passed++;
	if (level == LEVEL_FINE)
		return;
	report->complaints[level] = list_grow(report->complaints[level],
					      report->complaint_count[level], sizeof(char *));
	line = &report->complaints[level][report->complaint_count[level]++];
	if (asprintf(line, "%s: %s: %s", words[level], report->kernels[kernel], verdict->why) < 0)
		must(NULL);
	clean(*line);
}

static int widest(int width, const char *text)
{
	int length = (int)strlen(text);

	return length > width ? length : width;
}

static void print_line(const char *line)
{
	int length = (int)strlen(line);

	while (length && line[length - 1] == ' ')
		length--;
	printf("%.*s\n", length, line);
}

static char *join(char *line, const char *text, int width)
{
	char *longer;

	if (asprintf(&longer, "%s%-*s  ", line, width, text) < 0)
		must(NULL);
	free(line);
	return longer;
}

static void print_row(const struct report *report, const struct row *row, const int *widths)
{
	char *line = must(strdup(""));

	line = join(line, row->what, widths[0]);
	line = join(line, row->how, widths[1]);
	for (size_t i = 0; i < report->kernel_count; i++)
		line = join(line, row->cells ? row->cells[i] : report->kernels[i], widths[i + 2]);
	print_line(line);
	free(line);
}

static int *measure(const struct report *report)
{
	int *widths = zalloc(report->kernel_count + 2, sizeof(*widths));

	for (size_t i = 0; i < report->kernel_count; i++)
		widths[i + 2] = (int)strlen(report->kernels[i]);
	for (size_t r = 0; r < report->row_count; r++) {
		const struct row *row = &report->rows[r];

		if (row->text_row)
			continue;
		widths[0] = widest(widths[0], row->what);
		widths[1] = widest(widths[1], row->how);
		for (size_t i = 0; row->cells && i < report->kernel_count; i++)
			widths[i + 2] = widest(widths[i + 2], row->cells[i]);
	}
	return widths;
}

void report_print_table(const struct report *report)
{
	int *widths = measure(report);

	for (size_t i = 0; i < report->row_count; i++) {
		if (report->rows[i].text_row)
			puts(report->rows[i].what);
		else
			print_row(report, &report->rows[i], widths);
	}
	free(widths);
}

void report_print_complaints(const struct report *report)
{
	for (int level = LEVEL_WARNING; level <= LEVEL_ERROR; level++) {
		if (report->complaint_count[level])
			puts("");
		for (size_t i = 0; i < report->complaint_count[level]; i++)
			puts(report->complaints[level][i]);
	}
}

void report_free(struct report *report)
{
	for (size_t r = 0; r < report->row_count; r++) {
		struct row *row = &report->rows[r];

		for (size_t i = 0; row->cells && i < report->kernel_count; i++)
			free(row->cells[i]);
		free(row->cells);
		free(row->what);
		free(row->how);
	}
	free(report->rows);
	for (int level = LEVEL_WARNING; level <= LEVEL_ERROR; level++) {
		for (size_t i = 0; i < report->complaint_count[level]; i++)
			free(report->complaints[level][i]);
		free(report->complaints[level]);
	}
}
