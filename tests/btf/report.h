/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_REPORT_H
#define TCPWATCH_BTF_REPORT_H

/* A table with a column for each kernel, and what is wrong with its cells. */

#include <stdbool.h>
#include <stddef.h>

#define CELL_MAX 64
#define WHY_MAX	 1024

enum level { LEVEL_FINE, LEVEL_WARNING, LEVEL_ERROR };

struct verdict {
	enum level level;
	char cell[CELL_MAX];
	char why[WHY_MAX]; /* what is wrong, with the names of type and field */
};

struct row {
	char *what;
	char *how;
	char **cells; /* NULL: a line of text across the table */
	bool text_row;
};

struct report {
	const char *const *kernels;
	size_t kernel_count;
	struct row *rows;
	size_t row_count;
	char **complaints[LEVEL_ERROR + 1];
	size_t complaint_count[LEVEL_ERROR + 1];
	size_t passed;
	size_t failed;
};

/* A heading comes with an empty line before it. */
void report_heading(struct report *report, const char *what, const char *how);
void report_text(struct report *report, const char *text);
/* Its cells are set by one report_judge() for each kernel. */
void report_row(struct report *report, const char *what, const char *how);
void report_judge(struct report *report, size_t kernel, const struct verdict *verdict);

void report_print_table(const struct report *report);
void report_print_complaints(const struct report *report);
void report_free(struct report *report);

#endif
