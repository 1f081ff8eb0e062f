/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_LEAKS_H
#define TCPWATCH_OPTIONS_LEAKS_H

#include <argp.h>

#include "model/options.h"

/* The options of suppressions, in the group "What to report". The input is a struct options. */
extern const struct argp options_leaks_argp;

/* Frees what these options read. */
void options_leaks_free(struct options *options);

#endif
