// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as a file of suppressions: it must be refused with a message, or be usable. The bytes
 * up to the first 0 are also the names of a leak; the suppression generated from it must match it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "leak/suppression_gen.h"
#include "leak/suppressions.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check_text(const char *text)
{
	for (; *text; text++)
		CHECK(*text != '\n' && *text != '\r' && *text != '\033');
}

static void check_file(struct suppressions *suppressions, const struct leak *leak)
{
	const struct suppression *each;
	size_t line = 0, used = 0;
	bool ignored = suppressions_match(suppressions, leak);

	for (size_t i = 0; (each = suppressions_at(suppressions, i)); i++) {
		CHECK(each->line > line && strlen(each->text) <= SUPPRESSION_LINE_MAX);
		check_text(each->text);
		line = each->line;
		used += each->count;
	}
	CHECK(used == ignored);
}

static void check_made(const struct leak *leak)
{
	struct suppression_gen *gen = suppression_gen_new();
	struct suppressions *suppressions = NULL;
	char error[SUPPRESSIONS_ERROR_LEN];
	const char *made;

	CHECK(gen);
	suppression_gen_add(gen, leak);
	made = suppression_gen_at(gen, 0)->text;
	check_text(made);
	CHECK(!suppressions_parse(&suppressions, made, strlen(made), "made", error));
	CHECK(!strcmp(suppressions_at(suppressions, 0)->text, made));
	CHECK(!suppressions_at(suppressions, 1));
	CHECK(suppressions_match(suppressions, leak));
	suppressions_free(suppressions);
	suppression_gen_free(gen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct flow flow = {.family = AF_INET, .local_port = 80, .remote_port = 2001};
	struct process process = {.tgid = 1};
	struct call_frame frames[2] = {0};
	const struct call_stack stack = {.frames = frames, .count = 2};
	struct leak leak = {.process = &process, .flow = &flow};
	struct suppressions *suppressions = NULL;
	char error[SUPPRESSIONS_ERROR_LEN] = "";
	char *name = malloc(size + 1);

	CHECK(name);
	memcpy(name, data, size);
	name[size] = '\0';
	leak.kind = size % LEAK_KINDS;
	leak.role = size / LEAK_KINDS % 3;
	strncpy(process.comm, name, sizeof(process.comm) - 1);
	frames[0].module = name + strlen(name) / 2;
	if (size % 2) {
		frames[1].function = name;
		leak.stack = &stack;
	}
	if (!suppressions_parse(&suppressions, (const char *)data, size, "file", error))
		check_file(suppressions, &leak);
	else
		CHECK(!suppressions && !strncmp(error, "file:", 5));
	check_made(&leak);
	suppressions_free(suppressions);
	free(name);
	return 0;
}
