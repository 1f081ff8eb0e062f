// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The processes of a log are not this host's. */
#include "events.h"

#include "model/options.h"
#include "output/output.h"
#include "track/process_table.h"
#include "replay/run.h"
#include "replay/source_replay.h"

/* Pids so high are not in use here: asked, this host would say that they are dead. */
#define FIRST_PID 4190000

static FILE *log_of_many(unsigned int processes)
{
	FILE *log = tmpfile();

	assert_non_null(log);
	fputs("{\"type\":\"scan\"}\n", log);
	for (unsigned int i = 0; i < processes; i++) {
		fprintf(log,
			"{\"type\":\"transition\",\"time_ns\":%u000000000,\"socket\":\"%x\",\"local\":"
			"\"10.0.0.1:0\",\"remote\":\"10.0.0.2:80\",\"from\":\"CLOSE\",\"to\":\"SYN_SENT\","
			"\"task\":{\"pid\":%u,\"comm\":\"many\"}}\n",
			i + 1, i + 1, FIRST_PID + i);
		fprintf(log,
			"{\"type\":\"transition\",\"time_ns\":%u500000000,\"socket\":\"%x\",\"to\":"
			"\"CLOSE\",\"flags\":[\"sk_socket\"],\"error\":111}\n",
			i + 1, i + 1);
	}
	fprintf(log, "{\"type\":\"end\",\"time_ns\":%u000000000}\n", processes + 2);
	rewind(log);
	return log;
}

static size_t count(const char *text, const char *word)
{
	size_t found = 0;

	while ((text = strstr(text, word))) {
		found++;
		text += strlen(word);
	}
	return found;
}

static void none_is_folded_because_it_is_not_here(void **state)
{
	const unsigned int processes = PROCESS_TABLE_LIMIT + 100;
	const struct options options = {.close_wait_ns = 10 * NS_PER_S, .json = true};
	FILE *log = log_of_many(processes);
	struct replay_error error = {0};
	struct source *source;
	struct output *output;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(source_replay_new(&source, log, &error), 0);
	output = output_json_new(file);
	assert_non_null(output);
	assert_int_equal(replay_run(source, output, &options, NULL), 0);
	fflush(file);
	assert_int_equal(count(text, "\"comm\":\"many\",\"start_time\""), processes);
	assert_int_equal(count(text, "{\"type\":\"process\",\"time\":"), processes);
	assert_int_equal(count(text, "\"pid\":null"), 0);
	output->ops->free(output);
	source->ops->free(source);
	fclose(file);
	fclose(log);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_folded_because_it_is_not_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
