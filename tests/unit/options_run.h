/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_RUN_H
#define TCPWATCH_OPTIONS_RUN_H

/* options_parse() as tests call it: here, or in a child of which status and texts are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/options.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS_MAX	  32
#define RETURNED	  99 /* the child's status if options_parse() came back */

/* What a run of options_parse() in a child did. */
struct outcome {
	int status;
	char out[8192];
	char err[8192];
};

struct command_line {
	int count;
	char *words[ARGUMENTS_MAX + 1];
};

static inline void command_line_make(struct command_line *line, const char *const *arguments)
{
	static char name[] = "/somewhere/bin/tcpwatch";

	*line = (struct command_line){.count = 1, .words = {name}};
	while (*arguments) {
		assert_true(line->count < ARGUMENTS_MAX);
		line->words[line->count++] = (char *)*arguments++;
	}
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The file of --suppressions, which the caller frees; NULL without the option. */
static inline struct suppressions *parse_both(struct options *options, const char *const *arguments)
{
	static struct command_line line; /* as main()'s: options point into it */
	struct suppressions *suppressions;

	command_line_make(&line, arguments);
	memset(options, 0xa5, sizeof(*options));
	options_parse(options, &suppressions, line.count, line.words);
	return suppressions;
}

static inline void parse(struct options *options, const char *const *arguments)
{
	suppressions_free(parse_both(options, arguments));
}

static inline void file_take(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	assert_in_range(length, 0, size - 1);
	text[length] = '\0';
	close(fd);
}

static inline void run(struct outcome *outcome, const char *const *arguments)
{
	int out = memfd_create("out", 0);
	int err = memfd_create("err", 0);
	int status;
	pid_t child;

	assert_true(out >= 0 && err >= 0);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct options options;

		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		parse(&options, arguments);
		options_free(&options);
		_exit(RETURNED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	outcome->status = WEXITSTATUS(status);
	file_take(out, outcome->out, sizeof(outcome->out));
	file_take(err, outcome->err, sizeof(outcome->err));
}

static inline void check_text(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("no \"%s\" in \"%s\"", wanted, text);
}

/* What would change the texts. */
static inline void environment_clean(void)
{
	unsetenv("ARGP_HELP_FMT");
	unsetenv("POSIXLY_CORRECT");
	setenv("LC_ALL", "C", 1);
}

#endif
