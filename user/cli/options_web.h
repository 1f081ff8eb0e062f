/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_WEB_H
#define TCPWATCH_OPTIONS_WEB_H

#include <argp.h>

#include "model/options.h"

/* The limit of groups of metrics without --max-groups. */
#define MAX_GROUPS_DEFAULT 100

/* The options of the group "Serving". The input is a struct options. */
extern const struct argp options_web_argp;

/* Returns the name of an option that makes no sense without an address to serve at, or NULL. To be
 * called while max_groups is 0 if --max-groups was not given. */
const char *options_web_check(const struct options *options);

#endif
