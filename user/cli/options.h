/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CLI_OPTIONS_H
#define TCPWATCH_CLI_OPTIONS_H

#include "leak/suppressions.h"
#include "model/options.h"

/*
 * Parses the command line into *options, and the file of --suppressions into *suppressions (NULL
 * without the option). Ends the process for --help, --usage, --version and --explain (status 0) and
 * for wrong usage (status 2, with a message on stderr that names the option, the value and what
 * would be right). The strings in *options are those of argv. The caller frees the rest with
 * options_free() and suppressions_free().
 */
void options_parse(struct options *options, struct suppressions **suppressions, int argc,
		   char **argv);

/* Frees what options_parse() allocated. A second call does nothing. */
void options_free(struct options *options);

#endif
