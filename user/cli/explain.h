/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EXPLAIN_H
#define TCPWATCH_EXPLAIN_H

#include <stddef.h>
#include <stdio.h>

/*
 * Prints the page of a finding or a state: what it means and what to do, in at most 80 columns.
 * Case, - and _ do not matter, and the beginning of a name is enough if there is only one such.
 * "list" and "help" are the list of all. Returns 0, -ENOENT if there is no such page (nothing is
 * printed), -EIO if `file` does not take it.
 */
int explain_print(FILE *file, const char *id);

/* All ids, as a line for the findings and one for the states. `text` is cut off at `size`. */
void explain_ids(char *text, size_t size);

#endif
