// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The start of tcpwatch in the right order, and its end. The loop between them is in loop.c. */
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit_status.h"
#include "base/hash.h"
#include "base/journal.h"
#include "base/safe_open.h"
#include "base/shown.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/targets.h"
#include "engine/engine.h"
#include "host/asker.h"
#include "http/server.h"
#include "kernel/bpf_load.h"
#include "kernel/feature_probe.h"
#include "kernel/privileges.h"
#include "kernel/source_live.h"
#include "loop.h"
#include "output/output.h"
#include "service.h"
#include "symbol/symbolizer.h"
#include "web_pages.h"

#define OUTPUT_BUFFER (64 * 1024)

struct program {
	struct options options;
	struct suppressions *suppressions; /* NULL without --suppressions */
	struct source *source;
	struct output *output;
	struct loop loop;
	FILE *results;
};

/* Before anything is loaded, so that a wrong pid is reported at once. */
static enum exit_status watch_targets(struct program *program)
{
	for (size_t i = 0; i < program->options.pid_count; i++) {
		int err = targets_add(&program->loop.targets, program->options.pids[i]);

		if (err) {
			journal_say(SD_ERR, "-p: cannot watch process %u: %s",
				    program->options.pids[i], strerror(-err));
			return err == -ESRCH ? STATUS_USAGE : STATUS_FAULT;
		}
	}
	return STATUS_OK;
}

static void on_web_report(void *context, const char *message)
{
	(void)context;
	journal_say(SD_WARNING, "%s", message);
}

/* http_server_run() calls it, so the engine is between two turns of the loop. */
static void on_web_request(void *context, const struct http_request *request,
			   struct http_response *response)
{
	const struct program *program = context;

	web_pages_handle(program->loop.engine, request, response);
}

static enum exit_status status_of(const struct program *program, int err)
{
	if (!err || err == -EPIPE) /* the reader has gone, as with `| head` */
		return STATUS_OK;
	if (!program->results || !ferror(program->results))
		journal_say(SD_ERR, "stopped by an error: %s", strerror(-err));
	else
		journal_say(SD_ERR, "cannot write to %s: %s",
			    program->options.output ? program->options.output : "standard output",
			    strerror(-err));
	return STATUS_FAULT;
}

/* Before anything is loaded, so that an address in use is reported at once. */
static enum exit_status start_web(struct program *program)
{
	const struct options *options = &program->options;
	const struct http_config config = {
		.listen = options->web_listen,
		.listen_count = options->web_listen_count,
		.systemd_socket = options->web_systemd_socket,
		.web_config = options->web_config,
		.handler = on_web_request,
		.report = on_web_report,
		.context = program,
		.vital_paths = web_pages_vital,
	};
	char error[HTTP_ERROR_LEN];
	int err;

	if (!options_serve(options))
		return STATUS_OK;
	err = http_server_new(&program->loop.web, &config, error);
	if (err) {
		journal_say(SD_ERR, "%s", error);
		return err == -EINVAL ? STATUS_USAGE : STATUS_FAULT;
	}
	return STATUS_OK;
}

static enum exit_status run(struct program *program)
{
	char targets[TARGETS_TEXT_LEN];
	struct engine_config config = {
		.options = &program->options,
		.suppressions = program->suppressions,
		.source = program->source,
		.output = program->output,
		.sites = program->loop.sites,
		.targets = targets_describe(&program->options, true, targets),
		.netns = targets_netns(&program->options),
		.self_tgid = (uint32_t)getpid(),
		.watch_child = loop_watch_child,
		.context = &program->loop,
	};
	struct utsname kernel;
	int err;

	uname(&kernel);
	config.kernel = kernel.release;
	program->loop.engine = engine_new(&config);
	if (!program->loop.engine)
		return status_of(program, -ENOMEM);
	program->loop.end_ns = program->options.duration_ns
				       ? clock_now() + program->options.duration_ns
				       : UINT64_MAX;
	err = loop_watch_events(&program->loop, source_live_epoll_fd(program->source));
	if (!err)
		err = engine_start(program->loop.engine);
	if (!err)
		err = loop_watch_web(&program->loop);
	/* Loading takes about 10 MB, most of which malloc() would keep. */
	malloc_trim(0);
	if (!err) {
		service_ready(&program->loop.service);
		if (program->options.command)
			command_begin(&program->loop.command);
		err = loop_run(&program->loop);
		service_stopping(&program->loop.service);
	}
	if (!err)
		err = engine_finish(program->loop.engine);
	return status_of(program, err);
}

/* With metrics and no other request for output, only problems are printed. */
static struct output *output_new(const struct options *options, FILE *file)
{
	if (options->json)
		return output_json_new(file);
	if (options_serve(options) && !options->pid_count && !options->trace &&
	    !options->interval_ns)
		return output_log_new(file);
	return output_text_new(file);
}

static enum exit_status open_results(struct program *program)
{
	const char *path = program->options.output;
	char text[SHOWN_LEN];
	int fd;

	if (!path) {
		program->results = stdout;
		return STATUS_OK;
	}
	fd = safe_open(path, SAFE_OPEN_WRITE);
	program->results = fd < 0 ? NULL : fdopen(fd, "w");
	if (program->results)
		return STATUS_OK;
	journal_say(SD_ERR, "--output: '%s' cannot be written: %s", shown(path, strlen(path), text),
		    safe_open_problem(fd < 0 ? fd : -errno));
	if (fd >= 0)
		close(fd);
	return STATUS_USAGE;
}

/* Each living descendant of COMMAND takes a descriptor. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before anything else is changed in this process, since COMMAND would inherit it. */
static enum exit_status start_command(struct program *program)
{
	struct options *options = &program->options;
	struct command *command = &program->loop.command;
	enum exit_status status = command_start(command, options->command, options->user);

	if (status)
		return status;
	raise_descriptors();
	options->pids = malloc(sizeof(*options->pids));
	if (!options->pids)
		return status_of(program, -ENOMEM);
	options->pids[0] = (uint32_t)command->pid;
	options->pid_count = 1;
	return STATUS_OK;
}

/*
 * After everything is attached. COMMAND, which is to keep all privileges, was forked before:
 * no_new_privs, securebits and the bounding set are inherited, and cannot be undone.
 */
static int drop_privileges(const struct program *program)
{
	char costs[PRIVILEGES_TEXT_LEN];

	if (privileges_costs(costs))
		journal_say(SD_NOTICE, "%s", costs);
	return privileges_drop(program->options.web_config || program->options.stack,
			       program->options.command || program->options.stack,
			       program->options.stack);
}

static enum exit_status start(struct program *program)
{
	enum exit_status status = open_results(program);
	int err;

	if (!status && program->options.command)
		status = start_command(program);
	if (status)
		return status;
	/* Before there are keys and sockets that its processes would inherit. */
	if (program->options.stack) {
		err = symbolizer_new(&program->loop.sites, program->options.debuginfod);
		if (err)
			return status_of(program, err);
	}
	err = loop_open(&program->loop);
	if (err)
		return status_of(program, err);
	status = watch_targets(program);
	if (status)
		return status;
	err = loop_watch_signals(&program->loop);
	if (err)
		return status_of(program, err);
	status = start_web(program);
	if (status)
		return status;
	setvbuf(program->results, NULL, _IOFBF, OUTPUT_BUFFER);
	program->output = output_new(&program->options, program->results);
	if (!program->output)
		return status_of(program, -ENOMEM);
	asker_start();
	if (source_live_new(&program->source, &program->options))
		return STATUS_CANNOT;
	err = drop_privileges(program);
	asker_renew();
	return err ? status_of(program, err) : run(program);
}

/* After a run with --error-exitcode that saw no leak, and that would end with status 0. */
static int gate_status(const struct program *program)
{
	if (!program->options.error_exitcode || !engine_incomplete(program->loop.engine))
		return STATUS_OK;
	journal_say(
		SD_ERR,
		"--error-exitcode: no leak was seen, but some may have been missed (see SUMMARY): "
		"exit status %d",
		STATUS_INCOMPLETE);
	return STATUS_INCOMPLETE;
}

/* Waits for COMMAND if there is one. Returns what to exit with. */
static int ending(struct program *program, enum exit_status status)
{
	struct command *command = &program->loop.command;
	bool began = command->pid && command->go_fd < 0;

	if (began)
		command_wait(&program->loop.command, program->loop.signal_fd, program->loop.end_ns);
	if (status)
		return status;
	if (program->options.error_exitcode && engine_leaks(program->loop.engine))
		return program->options.error_exitcode;
	if (began)
		status = command_exit_status(command);
	return status ? (int)status : gate_status(program);
}

/* Bytes. Without it, malloc() raises this to the size of the largest block that was freed. */
#define OWN_MAPPING_FROM (128 << 10)

int main(int argc, char **argv)
{
	struct program program = {.loop = LOOP_CLOSED};
	struct loop *loop = &program.loop;
	int status;

	/* Pages and scans come and go. In the heap they would leave holes between what stays: 170
	 * MB for 50 MB in use, after ten minutes of tests/soak. */
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_FROM);
	setlocale(LC_ALL, "");
	clock_init();
	hash_init();
	service_init(&loop->service);
	options_parse(&program.options, &program.suppressions, argc, argv);
	loop->options = &program.options;
	if (bpf_load_check_btf(&program.options))
		status = STATUS_USAGE;
	else if (program.options.features)
		status = features_print(&program.options);
	else
		status = ending(&program, start(&program));
	http_server_free(loop->web);
	engine_free(loop->engine);
	if (loop->sites)
		loop->sites->ops->free(loop->sites);
	if (program.source)
		program.source->ops->free(program.source);
	if (program.output)
		program.output->ops->free(program.output);
	command_free(&loop->command);
	if (program.results && program.results != stdout)
		fclose(program.results);
	suppressions_free(program.suppressions);
	options_free(&program.options);
	loop_close(loop);
	asker_stop();
	return status;
}
