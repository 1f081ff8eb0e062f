// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/options_leaks.h"

#include <errno.h>

#include "cli/usage.h"
#include "leak/suppressions.h"

enum leaks_option {
	OPTION_SUPPRESSIONS = 0x300,
	OPTION_GEN_SUPPRESSIONS,
	OPTION_STRICT,
};

static const struct argp_option argp_options[] = {
	{"suppressions", OPTION_SUPPRESSIONS, "FILE", 0,
	 "Ignore the leaks that this file lists, one pattern in each line: leak:PATTERN", 2},
	{"gen-suppressions", OPTION_GEN_SUPPRESSIONS, NULL, 0,
	 "Print at the end the suppressions that would ignore the reported leaks", 2},
	{"strict", OPTION_STRICT, NULL, 0,
	 "Idle pooled connections whose peer has closed are leaks too, for --error-exitcode as well",
	 2},
	{0},
};

static void read_file(const struct options_leaks *leaks)
{
	char error[SUPPRESSIONS_ERROR_LEN];
	int err = suppressions_read(leaks->suppressions, leaks->options->suppressions, error);

	if (err)
		usage_fail(err == -ENOMEM ? STATUS_FAULT : STATUS_USAGE, "--suppressions: %s",
			   error);
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	const struct options_leaks *leaks = state->input;
	struct options *options = leaks->options;

	switch (key) {
	case OPTION_SUPPRESSIONS:
		if (options->suppressions)
			usage_fail(STATUS_USAGE,
				   "--suppressions: there can be one file only; join the files");
		options->suppressions = arg;
		read_file(leaks);
		break;
	case OPTION_GEN_SUPPRESSIONS:
		options->gen_suppressions = true;
		break;
	case OPTION_STRICT:
		options->strict = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp options_leaks_argp = {.options = argp_options, .parser = option_parse};
