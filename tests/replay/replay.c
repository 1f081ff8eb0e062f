// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* replay LOG [OPTION...]: what tcpwatch with these options says to a recorded or written log. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "output/output.h"
#include "replay/run.h"
#include "replay/source_replay.h"

#define STATUS_BAD_LOG 2

/* -p and -f are taken out of the command line: tcpwatch would look for these processes here. With
 * COMMAND, -p is the process that runs it. */
struct targets_given {
	char *pids;
	bool follow_forks;
};

static int take_targets(struct targets_given *given, int argc, char **argv)
{
	bool command = false;
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		command = command || !strcmp(argv[i], "--");
		if (command)
			argv[kept++] = argv[i];
		else if (!strcmp(argv[i], "-f"))
			given->follow_forks = true;
		else if (!strcmp(argv[i], "-p") && i + 1 < argc)
			given->pids = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

static void add_targets(struct options *options, const struct targets_given *given)
{
	char *pid = given->pids ? strtok(given->pids, ",") : NULL;

	options->follow_forks |= given->follow_forks;
	for (; pid; pid = strtok(NULL, ",")) {
		options->pids =
			reallocarray(options->pids, options->pid_count + 1, sizeof(*options->pids));
		if (!options->pids)
			abort();
		options->pids[options->pid_count++] = (uint32_t)strtoul(pid, NULL, 10);
	}
}

static int open_log(const char *path, struct source **source)
{
	struct replay_error error = {0};
	FILE *file = fopen(path, "re");
	int err;

	if (!file) {
		perror(path);
		return -1;
	}
	err = source_replay_new(source, file, &error);
	fclose(file);
	if (error.text[0])
		fprintf(stderr, "line %zu: %s\n", error.line, error.text);
	else if (err)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	struct targets_given given = {0};
	struct options options;
	struct suppressions *suppressions;
	struct source *source = NULL;
	struct output *output;
	int err;

	setlocale(LC_ALL, "");
	if (argc < 2) {
		fputs("usage: replay LOG [OPTION...]\n", stderr);
		return STATUS_BAD_LOG;
	}
	if (open_log(argv[1], &source))
		return STATUS_BAD_LOG;
	argc = take_targets(&given, argc - 1, argv + 1);
	options_parse(&options, &suppressions, argc, argv + 1);
	add_targets(&options, &given);
	output = options.json ? output_json_new(stdout) : output_text_new(stdout);
	err = output ? replay_run(source, output, &options, suppressions) : -1;
	if (err)
		fprintf(stderr, "replay: %s\n", strerror(-err));
	if (output)
		output->ops->free(output);
	source->ops->free(source);
	suppressions_free(suppressions);
	options_free(&options);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
