// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Any text as a log: it must be refused with a line and a reason, or replayed to its end with valid
 * JSON. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "replay/run.h"
#include "replay/source_replay.h"
#include "base/units.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define DURATION_NS (30 * NS_PER_S)

static FILE *null_file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	null_file = fopen("/dev/null", "w");
	CHECK(null_file);
	return 0;
}

static struct source *source_open(const uint8_t *data, size_t size)
{
	struct replay_error error = {0};
	struct source *source = NULL;
	FILE *file = fmemopen((void *)data, size, "r");
	int err;

	CHECK(file);
	err = source_replay_new(&source, file, &error);
	fclose(file);
	CHECK(!err == !error.text[0] && !err == !!source);
	CHECK(!err || error.line);
	return source;
}

/* Each line must be a JSON object. */
static void check_json(char *text)
{
	for (char *line = text; *line;) {
		char *end = strchr(line, '\n');
		json_t *object;

		CHECK(end);
		*end = '\0';
		object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		CHECK(json_is_string(json_object_get(object, "type")));
		json_decref(object);
		line = end + 1;
	}
}

static void run_json(struct source *source, const struct options *options)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	struct output *output;
	int err;

	CHECK(file);
	output = output_json_new(file);
	CHECK(output);
	err = replay_run(source, output, options);
	output->ops->free(output);
	fclose(file);
	if (!err)
		check_json(text);
	free(text);
}

static void run_text(struct source *source, const struct options *options)
{
	struct output *output = output_text_new(null_file);

	CHECK(output);
	replay_run(source, output, options);
	output->ops->free(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t pids[] = {812, 900};
	struct options options = {
		.close_wait_ns = 2 * NS_PER_S,
		.interval_ns = 7 * NS_PER_S,
		.duration_ns = DURATION_NS,
		.trace = true,
	};
	struct source *source;

	if (!size)
		return 0;
	source = source_open(data, size);
	if (!source)
		return 0;
	run_json(source, &options);
	source->ops->free(source);

	options.pids = pids;
	options.pid_count = 2;
	options.follow_forks = true;
	options.interval_ns = 0;
	source = source_open(data, size);
	CHECK(source);
	run_text(source, &options);
	source->ops->free(source);
	return 0;
}
