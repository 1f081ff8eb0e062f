/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LANDING_PAGE_H
#define TCPWATCH_LANDING_PAGE_H

#include <stddef.h>

#include "output/status.h"

/* The most findings (the worst first) and commands with leaks (most leaks first) on the page. */
#define LANDING_ROWS 10

/*
 * Writes the page as HTML, without scripts and without anything from other hosts. Command names may
 * have any bytes. Returns 0 or a negative errno. The caller frees *text.
 */
int landing_page_write(const struct watch_status *status, char **text, size_t *size);

#endif
