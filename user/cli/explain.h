/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EXPLAIN_H
#define TCPWATCH_EXPLAIN_H

#include <stddef.h>
#include <stdio.h>

/*
 * Prints the page of a finding or a state: what it means and what to do, in at most 80 columns.
 * Case, - and _ are ignored, and an unambiguous beginning of a name is enough. "list" and "help"
 * print the list of all pages. Returns 0, -ENOENT if there is no such page (nothing is printed), or
 * -EIO if writing to `file` fails.
 */
int explain_print(FILE *file, const char *id);

/* Writes all ids: a line of findings and one of states. `size` is that of `text`; longer is cut. */
void explain_ids(char *text, size_t size);

#endif
