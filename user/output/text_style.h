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

/* What a terminal or file can show. */
struct text_style {
	bool colour;
	bool unicode;
};

/* Colour: `file` is a terminal, NO_COLOR is not set, TERM is not dumb. Unicode: by the locale. */
struct text_style text_style_of(FILE *file);

/* Escape sequences, "" without colour. */
const char *text_bold(const struct text_style *style);
const char *text_red(const struct text_style *style);
const char *text_dim(const struct text_style *style);
const char *text_plain(const struct text_style *style);

/* "comm[pid]" at its longest, with the 0: every byte of comm may be escaped. */
#define PROCESS_TEXT_LEN 96

/* A process for people: "comm[pid]"; bytes that a terminal must not get become '?'. NULL:
 * "(unknown)". */
const char *text_process(const struct text_style *style, const struct process *process,
			 char text[PROCESS_TEXT_LEN]);

/* Writes a text with names in it that may be anything: as above. */
void text_put_name(const struct text_style *style, FILE *file, const char *name);

/* The line "Mode: ...", with what is not seen. */
void text_put_mode(FILE *file, feature_set features);

/* The spaces to put behind text that was made by text_process(), so that it is `columns` wide on a
 * terminal. */
int text_padding(const struct text_style *style, const char *text, int columns);

/* A number with thousands separated: "1,234". Returns text. */
#define COUNT_TEXT_LEN 32
const char *text_count(uint64_t count, char text[COUNT_TEXT_LEN]);

/* A distribution is drawn in this many columns of equal width on a logarithmic axis from 1 us to 13
 * days. */
#define PICTURE_COLUMNS 16
#define PICTURE_AXIS	"1us 1ms 1s  17m "

/* Up to 3 bytes a column, with the 0. */
#define PICTURE_TEXT_LEN (PICTURE_COLUMNS * 3 + 1)
const char *text_picture(const struct text_style *style, const struct histogram *histogram,
			 char text[PICTURE_TEXT_LEN]);

#endif
