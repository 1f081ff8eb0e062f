// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Lifecycle: options, source, engine, the loop around them, the end. */
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/bpf_load.h"
#include "cli/command.h"
#include "engine/engine.h"
#include "engine/pages.h"
#include "base/exit_status.h"
#include "kernel/feature_probe.h"
#include "http/server.h"
#include "base/journal.h"
#include "cli/options.h"
#include "output/output.h"
#include "kernel/privileges.h"
#include "service.h"
#include "kernel/source_live.h"
#include "symbol/symbolizer.h"
#include "cli/targets.h"
#include "base/units.h"
#include "web_pages.h"

/* The ring is drained this often; it holds several seconds of a busy host. */
#define TICK_NS	      (100 * NS_PER_MS)
#define TRACE_TICK_NS (20 * NS_PER_MS)

/* What softirq still does with the sockets of a process that has just ended. */
#define LAST_WORDS_NS (100 * NS_PER_MS)

#define OUTPUT_BUFFER (64 * 1024)

enum { EPOLL_RING, EPOLL_SIGNAL, EPOLL_WEB, EPOLL_SITES };

struct program {
	struct options options;
	struct targets targets;
	struct source *source;
	struct output *output;
	struct engine *engine;
	struct call_sites *sites; /* NULL where no stacks are taken */
	struct http_server *web;  /* NULL where nothing is served */
	int signal_fd;
	struct service service;
	struct command command;
	FILE *results;
	uint64_t end_ns; /* when to stop; UINT64_MAX = not yet known */
};

static void watch_child(void *context, uint32_t tgid)
{
	struct program *program = context;

	if (targets_add(&program->targets, tgid))
		engine_process_exited(program->engine, tgid);
}

static int watch_fd(struct program *program, int fd, uint64_t tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

	return epoll_ctl(program->targets.epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int watch_signals(struct program *program)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (program->options.command)
		command_add_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	program->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return program->signal_fd < 0 ? -errno
				      : watch_fd(program, program->signal_fd, EPOLL_SIGNAL);
}

/* Before anything is loaded: a pid that is wrong must not cost a load. */
static enum exit_status watch_targets(struct program *program)
{
	for (size_t i = 0; i < program->options.pid_count; i++) {
		int err = targets_add(&program->targets, program->options.pids[i]);

		if (err) {
			journal_say(SD_ERR, "-p: cannot watch process %u: %s",
				    program->options.pids[i], strerror(-err));
			return err == -ESRCH ? STATUS_USAGE : STATUS_FAULT;
		}
	}
	return STATUS_OK;
}

static int wait_ms(const struct program *program)
{
	uint64_t now_ns = clock_now();
	uint64_t until_ns = now_ns + (program->options.trace ? TRACE_TICK_NS : TICK_NS);
	uint64_t deadline_ns = engine_deadline(program->engine);

	if (deadline_ns < until_ns)
		until_ns = deadline_ns;
	if (service_deadline(&program->service) < until_ns)
		until_ns = service_deadline(&program->service);
	if (program->end_ns < until_ns)
		until_ns = program->end_ns;
	return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void on_web_report(void *context, const char *message)
{
	(void)context;
	journal_say(SD_WARNING, "%s", message);
}

/* A page is asked for within http_server_run(): between two turns of the engine. */
static void on_web_request(void *context, const struct http_request *request,
			   struct http_response *response)
{
	const struct program *program = context;

	web_pages_handle(program->engine, request, response);
}

static void on_signal(struct program *program)
{
	char error[HTTP_ERROR_LEN];
	struct signalfd_siginfo info;

	if (read(program->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (program->options.command) {
		command_pass_signal(&program->command, &info);
		return;
	}
	if (info.ssi_signo != SIGHUP || !program->web) {
		program->end_ns = 0;
		return;
	}
	service_reloading(&program->service, clock_now());
	if (http_server_reload(program->web, error))
		journal_say(SD_ERR, "%s; the previous web config stays in force", error);
	service_ready(&program->service);
}

/* COMMAND's end is the end, whoever of its descendants still runs. */
static bool is_over(struct program *program)
{
	return program->options.command ? !command_runs(&program->command)
					: !program->targets.alive;
}

static void on_event(struct program *program, const struct epoll_event *event)
{
	uint32_t tgid;

	if (event->data.u64 == EPOLL_SIGNAL) {
		on_signal(program);
	} else if (event->data.u64 == EPOLL_WEB) {
		http_server_run(program->web);
	} else if (event->data.u64 == EPOLL_SITES) {
		program->sites->ops->run(program->sites);
	} else if (targets_ended(&program->targets, event->data.u64, &tgid)) {
		engine_process_exited(program->engine, tgid);
		if (is_over(program) && program->end_ns > clock_now() + LAST_WORDS_NS)
			program->end_ns = clock_now() + LAST_WORDS_NS;
	}
}

static void tell_service(struct program *program)
{
	uint64_t now_ns = clock_now();
	struct engine_news news;

	service_alive(&program->service, now_ns);
	if (!service_status_due(&program->service, now_ns))
		return;
	engine_news(program->engine, &news);
	service_status(&program->service, &news, now_ns);
}

/* Returns 0 when it is time to stop, or a negative errno. */
static int loop(struct program *program)
{
	struct epoll_event events[16];
	int count, err;

	while (clock_now() < program->end_ns ||
	       command_outlasts(&program->command, &program->end_ns)) {
		count = epoll_wait(program->targets.epoll_fd, events, 16, wait_ms(program));
		if (count < 0 && errno != EINTR)
			return -errno;
		/* Births are known before deaths are looked at: the last target may have a child by
		 * now. */
		err = engine_poll(program->engine);
		if (err)
			return err;
		tell_service(program);
		for (int i = 0; i < count; i++)
			on_event(program, &events[i]);
	}
	return 0;
}

static enum exit_status status_of(const struct program *program, int err)
{
	if (!err || err == -EPIPE) /* nobody reads any more: `| head` has seen enough */
		return STATUS_OK;
	if (!program->results || !ferror(program->results))
		journal_say(SD_ERR, "stopped by an error: %s", strerror(-err));
	else
		journal_say(SD_ERR, "cannot write to %s: %s",
			    program->options.output ? program->options.output : "standard output",
			    strerror(-err));
	return STATUS_FAULT;
}

/* Before anything is loaded: an address that is taken must not cost a load. */
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
	};
	char error[HTTP_ERROR_LEN];
	int err;

	if (!options_serve(options))
		return STATUS_OK;
	err = http_server_new(&program->web, &config, error);
	if (err) {
		journal_say(SD_ERR, "%s", error);
		return err == -EINVAL ? STATUS_USAGE : STATUS_FAULT;
	}
	return STATUS_OK;
}

/* Names of stacks come by a file descriptor, or at once. */
static int watch_sites(struct program *program)
{
	int fd = program->sites ? program->sites->ops->fd(program->sites) : -1;

	return fd < 0 ? 0 : watch_fd(program, fd, EPOLL_SITES);
}

static enum exit_status run(struct program *program)
{
	char targets[TARGETS_TEXT_LEN];
	struct engine_config config = {
		.options = &program->options,
		.source = program->source,
		.output = program->output,
		.sites = program->sites,
		.targets = targets_describe(&program->options, targets),
		.self_tgid = (uint32_t)getpid(),
		.watch_child = watch_child,
		.context = program,
	};
	struct utsname kernel;
	int err;

	uname(&kernel);
	config.kernel = kernel.release;
	program->engine = engine_new(&config);
	if (!program->engine)
		return status_of(program, -ENOMEM);
	program->end_ns = program->options.duration_ns ? clock_now() + program->options.duration_ns
						       : UINT64_MAX;
	err = watch_fd(program, source_live_epoll_fd(program->source), EPOLL_RING);
	if (!err)
		err = watch_sites(program);
	if (!err)
		err = engine_start(program->engine);
	if (!err && program->web)
		err = watch_fd(program, http_server_epoll_fd(program->web), EPOLL_WEB);
	/* Loading takes some 10 MB, of which malloc() would keep the most. */
	malloc_trim(0);
	if (!err) {
		service_ready(&program->service);
		if (program->options.command)
			command_begin(&program->command);
		err = loop(program);
		service_stopping(&program->service);
	}
	if (!err)
		err = engine_finish(program->engine);
	return status_of(program, err);
}

/* Who serves metrics and asks for nothing else reads them there. */
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

	program->results = path ? fopen(path, "we") : stdout;
	if (program->results)
		return STATUS_OK;
	journal_say(SD_ERR, "--output: '%s' cannot be written: %s", path, strerror(errno));
	return STATUS_USAGE;
}

/* Each descendant of COMMAND takes one while it lives. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before anything else is done to this process, which COMMAND would inherit. */
static enum exit_status start_command(struct program *program)
{
	struct options *options = &program->options;
	struct command *command = &program->command;
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
 * All is attached: what follows is done with as little as it needs. COMMAND was forked before: it
 * is to have the privileges that we were given, and no_new_privs, securebits and the bounding set
 * are inherited and never come back.
 */
static int drop_privileges(const struct program *program)
{
	char costs[PRIVILEGES_TEXT_LEN];

	if (privileges_costs(costs))
		journal_say(SD_NOTICE, "%s", costs);
	return privileges_drop(program->options.web_config || program->options.stack,
			       program->options.command != NULL, program->options.stack);
}

static enum exit_status start(struct program *program)
{
	enum exit_status status = open_results(program);
	int err;

	if (!status && program->options.command)
		status = start_command(program);
	if (status)
		return status;
	program->targets.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (program->targets.epoll_fd < 0)
		return status_of(program, -errno);
	status = watch_targets(program);
	if (status)
		return status;
	err = watch_signals(program);
	if (err)
		return status_of(program, err);
	status = start_web(program);
	if (status)
		return status;
	setvbuf(program->results, NULL, _IOFBF, OUTPUT_BUFFER);
	program->output = output_new(&program->options, program->results);
	if (!program->output)
		return status_of(program, -ENOMEM);
	if (program->options.stack) {
		err = symbolizer_new(&program->sites);
		if (err)
			return status_of(program, err);
	}
	if (source_live_new(&program->source, &program->options))
		return STATUS_CANNOT;
	err = drop_privileges(program);
	return err ? status_of(program, err) : run(program);
}

/* What to exit with, after COMMAND if there is one. */
static int ending(struct program *program, enum exit_status status)
{
	struct command *command = &program->command;
	bool began = command->pid && command->go_fd < 0;

	if (began)
		command_wait(&program->command, program->signal_fd, program->end_ns);
	if (status)
		return status;
	if (program->options.error_exitcode && engine_leaks(program->engine))
		return program->options.error_exitcode;
	return began ? command_exit_status(command) : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct program program = {
		.signal_fd = -1,
		.targets.epoll_fd = -1,
		.command = COMMAND_NONE,
	};
	int status;

	setlocale(LC_ALL, "");
	service_init(&program.service);
	options_parse(&program.options, argc, argv);
	if (bpf_load_check_btf(&program.options))
		status = STATUS_USAGE;
	else if (program.options.features)
		status = features_print(&program.options);
	else
		status = ending(&program, start(&program));
	http_server_free(program.web);
	engine_free(program.engine);
	if (program.sites)
		program.sites->ops->free(program.sites);
	if (program.source)
		program.source->ops->free(program.source);
	if (program.output)
		program.output->ops->free(program.output);
	command_free(&program.command);
	if (program.results && program.results != stdout)
		fclose(program.results);
	options_free(&program.options);
	if (program.signal_fd >= 0)
		close(program.signal_fd);
	if (program.targets.epoll_fd >= 0)
		close(program.targets.epoll_fd);
	return status;
}
