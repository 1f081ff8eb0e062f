/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LANDING_PAGE_H
#define TCPWATCH_LANDING_PAGE_H

#include <stddef.h>

#include "output/status.h"

/* As many findings are on the page, the worst first, and commands with leaks, those with most
 * first.
 */
#define LANDING_ROWS 10

/*
 * Writes what a person wants to know first, as HTML without scripts and without anything from
 * elsewhere. Command names in it may be any bytes. *text is the caller's to free(). Returns 0 or a
 * negative errno.
 */
int landing_page_write(const struct watch_status *status, char **text, size_t *size);

#endif
