/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_WEB_H
#define TCPWATCH_OPTIONS_WEB_H

#include <argp.h>

#include "model/options.h"

/* Groups of metrics where --max-groups does not say otherwise. */
#define MAX_GROUPS_DEFAULT 100

/* The options of the group "Serving"; the input is a struct options. */
extern const struct argp options_web_argp;

/* Options that make no sense without an address to serve at; max_groups is 0 if it was not given.
 * Returns what is wrong, or NULL. */
const char *options_web_check(const struct options *options);

#endif
