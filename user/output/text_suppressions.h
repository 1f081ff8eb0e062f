/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_SUPPRESSIONS_H
#define TCPWATCH_TEXT_SUPPRESSIONS_H

#include <stdio.h>

#include "output/text_style.h"
#include "output/view.h"

/* Prints which suppressions ignored leaks, and how many. Prints nothing without --suppressions. */
void text_suppressions_put_used(FILE *file, const struct text_style *style,
				const struct view *view);

/* Prints suppressions to paste into a file. Prints nothing without --gen-suppressions. */
void text_suppressions_put_made(FILE *file, const struct text_style *style,
				const struct view *view);

#endif
