/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_INCOMPLETE_H
#define TCPWATCH_TEXT_INCOMPLETE_H

#include <stdio.h>

#include "output/view.h"

/* Prints a line that says why leaks may be missing in a summary, and what to do. Nothing where the
 * answer is complete. */
void text_incomplete_put(FILE *file, const struct view *view);

#endif
