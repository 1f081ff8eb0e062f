/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_COMMAND_H
#define TCPWATCH_OPTIONS_COMMAND_H

#include <argp.h>

#include "model/options.h"

/* The options of the group "Starting a command", and COMMAND. The input is a struct options. */
extern const struct argp options_command_argp;

/* Checks the options that do not fit a COMMAND, or need one. Returns a message, or NULL. */
const char *options_command_check(const struct options *options);

#endif
