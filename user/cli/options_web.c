// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/options_web.h"

#include <stdlib.h>
#include <string.h>

#include "cli/usage.h"

/* 10,000 groups make about 2.5 million series. */
#define MAX_GROUPS_MAX 10000

enum web_option {
	OPTION_LISTEN = 0x200,
	OPTION_CONFIG,
	OPTION_SYSTEMD,
	OPTION_LABEL,
	OPTION_MAX_GROUPS,
};

static const struct argp_option argp_options[] = {
	{NULL, 0, NULL, 0, "Serving:", 3},
	{"web.listen-address", OPTION_LISTEN, "[HOST]:PORT", 0,
	 "Serve metrics for Prometheus at this address (repeatable)", 0},
	{"web.config.file", OPTION_CONFIG, "FILE", 0,
	 "Configure TLS and basic auth by this file, in the format of the exporter-toolkit", 0},
	{"web.systemd-socket", OPTION_SYSTEMD, NULL, 0, "Serve on the sockets that systemd passes",
	 0},
	{"label", OPTION_LABEL, "LABEL[,LABEL...]", 0,
	 "Group metrics by pid, cgroup or netns as well as by command name", 0},
	{"max-groups", OPTION_MAX_GROUPS, "N", 0,
	 "Limit the groups of metrics; the rest is counted as \"other\" (default 100)", 0},
	{0},
};

static void add_address(struct options *options, const char *address)
{
	const char **grown =
		realloc(options->web_listen, (options->web_listen_count + 1) * sizeof(*grown));

	if (!grown)
		usage_fail(STATUS_FAULT, "out of memory");
	options->web_listen = grown;
	options->web_listen[options->web_listen_count++] = address;
}

static bool add_label(struct metric_labels *labels, const char *name, size_t length)
{
	if (length == 3 && !strncmp(name, "pid", length))
		labels->pid = true;
	else if (length == 6 && !strncmp(name, "cgroup", length))
		labels->cgroup = true;
	else if (length == 5 && !strncmp(name, "netns", length))
		labels->netns = true;
	else
		return false;
	return true;
}

static void add_labels(struct options *options, const char *text)
{
	const char *name = text;

	for (;;) {
		size_t length = strcspn(name, ",");

		if (!add_label(&options->labels, name, length))
			usage_refuse("--label", name, length,
				     "is not a label: give pid, cgroup or netns, separated by "
				     "commas");
		if (!name[length])
			return;
		name += length + 1;
	}
}

static size_t groups_of(const char *text)
{
	size_t length = strlen(text);
	unsigned long groups = strtoul(text, NULL, 10);

	if (!length || length > 5 || strspn(text, "0123456789") != length || !groups ||
	    groups > MAX_GROUPS_MAX)
		usage_refuse("--max-groups", text, length,
			     "is not a number of groups: give a number from 1 to %d",
			     MAX_GROUPS_MAX);
	return groups;
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_LISTEN:
		add_address(options, arg);
		break;
	case OPTION_CONFIG:
		options->web_config = arg;
		break;
	case OPTION_SYSTEMD:
		options->web_systemd_socket = true;
		break;
	case OPTION_LABEL:
		add_labels(options, arg);
		break;
	case OPTION_MAX_GROUPS:
		options->max_groups = groups_of(arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp options_web_argp = {.options = argp_options, .parser = option_parse};

const char *options_web_check(const struct options *options)
{
	if (options_serve(options))
		return NULL;
	if (options->web_config)
		return "--web.config.file";
	if (options->labels.pid || options->labels.cgroup || options->labels.netns)
		return "--label";
	return options->max_groups ? "--max-groups" : NULL;
}
