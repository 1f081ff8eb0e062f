// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/options_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/exit_status.h"

#define EXITCODE_MOST 255
#define SHOWN_LEN     61

enum command_option {
	OPTION_USER = 0x300,
	OPTION_ERROR_EXITCODE,
	OPTION_OUTPUT,
};

static const struct argp_option argp_options[] = {
	{NULL, 0, NULL, 0, "Starting a command:", 4},
	{"user", OPTION_USER, "NAME", 0, "Run COMMAND as this user, by name or uid", 0},
	{"error-exitcode", OPTION_ERROR_EXITCODE, "N", 0,
	 "Exit N (1 to 255) if a leak was reported, also without COMMAND", 0},
	{"output", OPTION_OUTPUT, "FILE", 0,
	 "Write what would go to standard output to FILE, and leave that to COMMAND", 0},
	{0},
};

/* The beginning of a wrong value, as a message may show it. */
static const char *shown(const char *value, char text[SHOWN_LEN])
{
	size_t length = strnlen(value, SHOWN_LEN - 1);

	memcpy(text, value, length);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[length] = '\0';
	return text;
}

static int exitcode_of(struct argp_state *state, const char *value)
{
	size_t length = strlen(value);
	int code = length && length <= 3 && strspn(value, "0123456789") == length ? atoi(value) : 0;
	char text[SHOWN_LEN];

	if (code < 1 || code > EXITCODE_MOST)
		argp_failure(state, STATUS_USAGE, 0,
			     "--error-exitcode: '%s' is not an exit status: from 1 to %d",
			     shown(value, text), EXITCODE_MOST);
	return code;
}

static const char *path_of(struct argp_state *state, const char *option, const char *value)
{
	if (!*value)
		argp_failure(state, STATUS_USAGE, 0, "%s: '' is empty", option);
	return value;
}

static void take_argument(struct options *options, const char *arg, struct argp_state *state)
{
	char text[SHOWN_LEN];

	if (!state->quoted)
		argp_failure(state, STATUS_USAGE, 0,
			     "unexpected argument: '%s' (lists are written with commas, as in -p "
			     "12,34; a command to start comes after --)\nTry 'tcpwatch --help'.",
			     shown(arg, text));
	if (!*arg)
		argp_failure(state, STATUS_USAGE, 0, "--: COMMAND '' is empty");
	options->command = &state->argv[state->next - 1];
	state->next = state->argc; /* all that follows is COMMAND's */
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_USER:
		options->user = path_of(state, "--user", arg);
		break;
	case OPTION_ERROR_EXITCODE:
		options->error_exitcode = exitcode_of(state, arg);
		break;
	case OPTION_OUTPUT:
		options->output = path_of(state, "--output", arg);
		break;
	case ARGP_KEY_ARG:
		take_argument(options, arg, state);
		break;
	case ARGP_KEY_NO_ARGS:
		if (state->quoted)
			argp_failure(state, STATUS_USAGE, 0,
				     "--: no COMMAND behind it, as in tcpwatch -- make test");
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
	return options->features ? "--features and -- COMMAND exclude each other: it only prints"
				 : NULL;
}
