/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_STYLE_H
#define TCPWATCH_TEXT_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/feature.h"
#include "base/histogram.h"
#include "track/process_table.h"

/* What the terminal or file can show, and what goes without saying. */
struct text_style {
	bool colour;
	bool unicode;
	uint32_t netns; /* addresses are of this network namespace unless another is named; 0: of
			   any */
};

/* Colour if `file` is a terminal, NO_COLOR is unset or empty and TERM is set and not "dumb".
 * Unicode if the locale has UTF-8. */
struct text_style text_style_of(FILE *file);

/* Escape sequences; "" without colour. */
const char *text_bold(const struct text_style *style);
const char *text_red(const struct text_style *style);
const char *text_dim(const struct text_style *style);
const char *text_plain(const struct text_style *style);

/* The size of the longest "comm[pid]" with its 0. */
#define PROCESS_TEXT_LEN 96

/* Writes a process as "comm[pid]"; '?' stands for what is not safe on a terminal. NULL gives
 * "(unknown)". Returns text. */
const char *text_process(const struct text_style *style, const struct process *process,
			 char text[PROCESS_TEXT_LEN]);

/* Prints a text that may have any bytes, with '?' as above. */
void text_put_name(const struct text_style *style, FILE *file, const char *name);

/* Prints " netns 4026532177" after an address, if it is of another network namespace than usual.
 */
void text_put_netns(const struct text_style *style, FILE *file, uint32_t netns);

/* Prints the line "Mode: ..." with the features that are missing. */
void text_put_mode(FILE *file, feature_set features);

/* How many spaces to print after a text of text_process(), so that it takes `columns` columns on a
 * terminal. */
int text_padding(const struct text_style *style, const char *text, int columns);

/* Writes a number with commas between thousands: "1,234". Returns text. */
#define COUNT_TEXT_LEN 32
const char *text_count(uint64_t count, char text[COUNT_TEXT_LEN]);

/* text_picture() draws a distribution in this many columns, on a logarithmic axis from 1 us to 13
 * days. Returns text. */
#define PICTURE_COLUMNS 16
#define PICTURE_AXIS	"1us 1ms 1s  17m "

/* Up to 3 bytes for each column, and the 0. */
#define PICTURE_TEXT_LEN (PICTURE_COLUMNS * 3 + 1)
const char *text_picture(const struct text_style *style, const struct histogram *histogram,
			 char text[PICTURE_TEXT_LEN]);

#endif
