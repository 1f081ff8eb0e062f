/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CLI_OPTIONS_H
#define TCPWATCH_CLI_OPTIONS_H

#include "leak/suppressions.h"
#include "model/options.h"

/*
 * Parses the command line into *options, and the file of --suppressions into *suppressions (NULL
 * without the option). Ends the process itself for --help, --usage and --version (status 0) and for
 * wrong usage (status 2, message on stderr naming the option, the value and what would be right).
 * The caller frees the results with options_free() and suppressions_free().
 */
void options_parse(struct options *options, struct suppressions **suppressions, int argc,
		   char **argv);

void options_free(struct options *options);

#endif
