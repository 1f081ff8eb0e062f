/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_LEAKS_H
#define TCPWATCH_OPTIONS_LEAKS_H

#include <argp.h>

#include "leak/suppressions.h"
#include "model/options.h"

/* Where these options are written to. Both stay the caller's. */
struct options_leaks {
	struct options *options;
	struct suppressions **suppressions; /* the file of --suppressions */
};

/* The options of suppressions, in the group "What to report". The input is a struct
 * options_leaks. */
extern const struct argp options_leaks_argp;

#endif
