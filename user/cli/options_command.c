// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/options_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "cli/usage.h"

#define EXITCODE_MAX 255

enum command_option {
	OPTION_USER = 0x300,
	OPTION_ERROR_EXITCODE,
	OPTION_OUTPUT,
};

static const struct argp_option argp_options[] = {
	{NULL, 0, NULL, 0, "Starting a command:", 4},
	{"user", OPTION_USER, "NAME", 0, "Run COMMAND as this user, by name or uid", 0},
	{"error-exitcode", OPTION_ERROR_EXITCODE, "N", 0,
	 "Exit with status N (1 to 255, not 125) if a leak was reported, and with 125 if too many "
	 "events were lost to know; also works without COMMAND",
	 0},
	{"output", OPTION_OUTPUT, "FILE", 0,
	 "Write the results to FILE, and leave standard output to COMMAND", 0},
	{0},
};

static int exitcode_of(const char *value)
{
	size_t length = strlen(value);
	int code = length && length <= 3 && strspn(value, "0123456789") == length ? atoi(value) : 0;

	if (code < 1 || code > EXITCODE_MAX)
		usage_refuse("--error-exitcode", value, length,
			     "is not an exit status: give a number from 1 to %d", EXITCODE_MAX);
	if (code == STATUS_INCOMPLETE)
		usage_refuse("--error-exitcode", value, length,
			     "is the status of an incomplete answer: give another number");
	return code;
}

static const char *text_of(const char *option, const char *value)
{
	if (!*value)
		usage_refuse(option, value, 0, "is empty");
	return value;
}

static void take_argument(struct options *options, const char *arg, struct argp_state *state)
{
	char text[SHOWN_LEN];

	if (!state->quoted)
		usage_fail(STATUS_USAGE,
			   "unexpected argument: '%s' (lists are written with commas, as in -p "
			   "12,34; a command to start comes after --)\nTry 'tcpwatch --help'.",
			   shown(arg, strlen(arg), text));
	options->command = &state->argv[state->next - 1];
	text_of("COMMAND", arg);
	state->next = state->argc; /* the rest belongs to COMMAND */
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_USER:
		options->user = text_of("--user", arg);
		break;
	case OPTION_ERROR_EXITCODE:
		options->error_exitcode = exitcode_of(arg);
		break;
	case OPTION_OUTPUT:
		options->output = text_of("--output", arg);
		break;
	case ARGP_KEY_ARG:
		take_argument(options, arg, state);
		break;
	case ARGP_KEY_NO_ARGS:
		if (state->quoted)
			usage_fail(
				STATUS_USAGE,
				"--: no COMMAND follows; write for example: tcpwatch -- make test");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp options_command_argp = {.options = argp_options, .parser = option_parse};

const char *options_command_check(const struct options *options)
{
	if (options->user && !options->command)
		return "--user needs a command to run as that user: tcpwatch --user=NAME -- COMMAND";
	if (!options->command)
		return NULL;
	if (options->pid_count)
		return "-p and -- COMMAND exclude each other: COMMAND and its descendants are watched";
	if (options->comm_count)
		return "-n and -- COMMAND exclude each other: COMMAND and its descendants are watched";
	return options->features
		       ? "--features and -- COMMAND exclude each other: --features only prints"
		       : NULL;
}
