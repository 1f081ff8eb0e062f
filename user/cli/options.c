// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit_status.h"
#include "base/safe_open.h"
#include "cli/explain.h"
#include "cli/option_check.h"
#include "cli/options_leaks.h"
#include "cli/options_command.h"
#include "cli/options_web.h"
#include "cli/targets.h"
#include "cli/usage.h"
#include "base/units.h"
#include "base/version.h"

#define DIGITS		   "0123456789"
#define PORT_MAX	   65535
#define CLOSE_WAIT_DEFAULT (10 * NS_PER_S)
#define RING_DEFAULT	   (16ULL << 20)
#define RING_MIN	   4096ULL
#define INTERVAL_MIN	   (10 * NS_PER_MS)

enum long_option {
	OPTION_FEATURES = 0x100,
	OPTION_BTF,
	OPTION_RING_SIZE,
	OPTION_USAGE,
	OPTION_EXPLAIN,
	OPTION_DEBUGINFOD,
};

static const struct argp_option argp_options[] = {
	{NULL, 0, NULL, 0, "Which sockets:", 1},
	{"pid", 'p', "PID[,PID...]", 0,
	 "Watch these processes, and end when the last of them exits. The id of a thread stands for its process",
	 0},
	{"follow-forks", 'f', NULL, 0,
	 "With -p, watch their future children too (always on with COMMAND)", 0},
	{"comm", 'n', "NAME", 0, "Watch processes with exactly this command name (repeatable)", 0},
	{NULL, '4', NULL, 0, "Watch only IPv4 (an IPv4-mapped IPv6 socket counts as IPv4)", 0},
	{NULL, '6', NULL, 0, "Watch only IPv6", 0},
	{"local-port", 'L', "PORT[,PORT...]", 0, "Watch sockets with one of these local ports", 0},
	{"remote-port", 'D', "PORT[,PORT...]", 0, "Watch sockets with one of these remote ports",
	 0},

	{NULL, 0, NULL, 0, "What to report:", 2},
	{"close-wait", 'w', "DURATION", 0,
	 "Report a socket that is in CLOSE_WAIT for longer than this (default 10s); 0 reports every one that enters it",
	 0},
	{"trace", 't', NULL, 0, "Print every transition as it happens", 0},
	{"interval", 'i', "DURATION", 0, "Print the summary every DURATION, not only at the end",
	 0},
	{"duration", 'd', "DURATION", 0, "Stop after DURATION", 0},
	{"stack", 's', NULL, 0,
	 "Record the user stack that made each socket, and show it with a leak", 0},
	{"debuginfod", OPTION_DEBUGINFOD, NULL, 0,
	 "With -s: get debug information from the servers in $DEBUGINFOD_URLS, too", 0},
	{"json", 'j', NULL, 0, "Print JSON Lines instead of text", 0},

	{NULL, 0, NULL, 0, "The kernel:", 5},
	{"features", OPTION_FEATURES, NULL, 0,
	 "Print what this kernel and these privileges allow, and exit", 0},
	{"btf", OPTION_BTF, "PATH", 0, "Read the BTF of the kernel from this file", 0},
	{"ring-size", OPTION_RING_SIZE, "SIZE", 0,
	 "Size of the ring buffer, for all CPUs together (default 16M)", 0},

	{NULL, 0, NULL, 0, "Other:", -1},
	{"explain", OPTION_EXPLAIN, "ID", 0,
	 "Explain a finding or a state, and what to do about it; 'list' lists them all", 0},
	{"verbose", 'v', NULL, 0, "Print each scan on stderr; -vv prints libbpf's messages, too",
	 0},
	{"version", 'V', NULL, 0, "Print the version", 0},
	{"help", '?', NULL, 0, "Print this help", 0},
	{"usage", OPTION_USAGE, NULL, 0, "Print a short usage message", 0},
	{0},
};

static const char doc[] =
	"Shows how long TCP sockets stay in each state, process by process, and reports\n"
	"those that leak in CLOSE_WAIT. Without -p, -n or COMMAND, it watches the whole host.\n"
	"\v"
	"DURATION is a number with ns, us, ms, s, m, h or d; a bare number is seconds.\n"
	"SIZE is a number of bytes, or a number with K, M or G (powers of 1024).\n"
	"\n"
	"Examples:\n"
	"  tcpwatch                              the whole host, until Ctrl-C\n"
	"  tcpwatch -p $(pidof -s redis-server)  one process, until it exits\n"
	"  tcpwatch -p $(pgrep -d, nginx) -f     several processes, and future children\n"
	"  tcpwatch -n nginx -w 1m               only leaks older than a minute\n"
	"  tcpwatch -t -L 80,443                 every transition of a web server\n"
	"  tcpwatch -j -i 10s -d 5m              JSON every 10 s, for 5 min\n"
	"  tcpwatch --error-exitcode=23 -- make test\n"
	"                                        fails if a test leaks a socket";

/* Grows a list of `count` elements by one. Exits without memory. */
static void *list_grow(void *list, size_t count, size_t size)
{
	void *grown = reallocarray(list, count + 1, size);

	if (!grown)
		usage_fail(STATUS_FAULT, "out of memory");
	return grown;
}

static void pids_add(struct options *options, uint32_t pid)
{
	for (size_t i = 0; i < options->pid_count; i++)
		if (options->pids[i] == pid)
			return;
	options->pids = list_grow(options->pids, options->pid_count, sizeof(*options->pids));
	options->pids[options->pid_count++] = pid;
}

static void ports_add(uint16_t **ports, size_t *count, uint32_t port)
{
	for (size_t i = 0; i < *count; i++)
		if ((*ports)[i] == port)
			return;
	*ports = list_grow(*ports, *count, sizeof(**ports));
	(*ports)[(*count)++] = (uint16_t)port;
}

static void comms_add(struct options *options, const char *name)
{
	size_t length = strlen(name);
	size_t room = sizeof(*options->comms) - 1;

	if (!length)
		usage_refuse("-n", name, length, "is not a command name: it has 1 to 15 bytes");
	if (length > room)
		usage_refuse("-n", name, length,
			     "is too long: the kernel keeps the first 15 bytes of a command name");
	for (size_t i = 0; i < options->comm_count; i++)
		if (!strcmp(options->comms[i], name))
			return;
	options->comms = list_grow(options->comms, options->comm_count, sizeof(*options->comms));
	memset(options->comms[options->comm_count], 0, sizeof(*options->comms));
	memcpy(options->comms[options->comm_count++], name, length);
}

/* Parses a decimal number. One that does not fit becomes UINT32_MAX. */
static bool number_parse(const char *text, size_t length, uint32_t *number)
{
	uint64_t sum = 0;

	if (!length || strspn(text, DIGITS) < length)
		return false;
	for (size_t i = 0; i < length && sum < UINT32_MAX; i++)
		sum = sum * 10 + (uint64_t)(text[i] - '0');
	*number = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
	return true;
}

static void pid_parse(struct options *options, const char *text, size_t length)
{
	uint32_t thread, process;
	int err;

	if (!number_parse(text, length, &thread) || !thread)
		usage_refuse(
			"-p", text, length,
			"is not a process id: give numbers from 1 to 4194304, separated by commas");
	err = targets_process_of(thread, &process);
	if (err == -ESRCH)
		usage_fail(STATUS_USAGE,
			   "-p: no process %.*s is running; 'ps -e' lists those that are",
			   length < 32 ? (int)length : 32, text);
	if (err == -EACCES || err == -EPERM)
		usage_fail(STATUS_CANNOT,
			   "-p: cannot read /proc/%u/status: %s; run tcpwatch as root", thread,
			   strerror(-err));
	if (err)
		usage_fail(STATUS_FAULT, "-p: cannot read /proc/%u/status: %s", thread,
			   strerror(-err));
	pids_add(options, process);
}

static uint32_t port_parse(const char *option, const char *text, size_t length)
{
	uint32_t port;

	if (!number_parse(text, length, &port) || !port || port > PORT_MAX)
		usage_refuse(option, text, length,
			     "is not a port: give numbers from 1 to 65535, separated by commas");
	return port;
}

static void local_port_parse(struct options *options, const char *text, size_t length)
{
	ports_add(&options->local_ports, &options->local_port_count,
		  port_parse("-L", text, length));
}

static void remote_port_parse(struct options *options, const char *text, size_t length)
{
	ports_add(&options->remote_ports, &options->remote_port_count,
		  port_parse("-D", text, length));
}

static void list_parse(struct options *options, const char *list,
		       void (*parse)(struct options *options, const char *text, size_t length))
{
	size_t length = strcspn(list, ",");

	parse(options, list, length);
	while (list[length]) {
		list += length + 1;
		length = strcspn(list, ",");
		parse(options, list, length);
	}
}

static uint64_t duration_option(const char *option, const char *text, uint64_t least)
{
	uint64_t ns = 0;
	int err = duration_parse(text, &ns);

	if (err == -ERANGE)
		usage_refuse(option, text, strlen(text),
			     "is too long: give at most 36525d (100 years)");
	if (err)
		usage_refuse(option, text, strlen(text),
			     "is not a duration: give a number with ns, us, ms, s, m, h or d");
	if (ns < least)
		usage_refuse(
			option, text, strlen(text),
			"is too short: give a duration above 0, a number with ns, us, ms, s, m, h or d");
	return ns;
}

/* Each summary asks the kernel for all sockets, so a shorter interval would keep a CPU busy. */
static uint64_t interval_option(const char *text)
{
	uint64_t ns = duration_option("-i", text, 1);

	if (ns < INTERVAL_MIN)
		usage_refuse("-i", text, strlen(text), "is too short: give at least 10ms");
	return ns;
}

static uint64_t ring_size_option(const char *text)
{
	uint64_t size = 0;

	if (size_parse(text, &size) || size < RING_MIN || size > RING_SIZE_MAX || size & (size - 1))
		usage_refuse(
			"--ring-size", text, strlen(text),
			"is not a ring size: give a power of two, at least 4096 (the page size) and at "
			"most 1G, in bytes or with K, M or G");
	return size;
}

static const char *btf_option(const char *text)
{
	int fd = safe_open(text, SAFE_OPEN_FILE);

	if (fd >= 0) {
		close(fd);
		return text;
	}
	usage_refuse("--btf", text, strlen(text),
		     "cannot be read: %s; give a file such as /sys/kernel/btf/vmlinux",
		     safe_open_problem(fd));
}

static _Noreturn void explain_option(const char *id)
{
	char ids[320];
	int err = explain_print(stdout, id);

	if (!err)
		exit(EXIT_SUCCESS);
	if (err != -ENOENT)
		usage_fail(STATUS_FAULT, "standard output: %s", strerror(-err));
	explain_ids(ids, sizeof(ids));
	usage_refuse("--explain", id, strlen(id), "is not a finding or a state\n%s", ids);
}

/* Checks options against each other, after all of them are known. */
static void options_check(const struct options *options)
{
	const char *web = options_web_check(options);
	const char *command = options_command_check(options);

	if (web)
		usage_fail(STATUS_USAGE, "%s needs --web.listen-address or --web.systemd-socket",
			   web);
	if (options->only_ipv4 && options->only_ipv6)
		usage_fail(STATUS_USAGE,
			   "-4 and -6 exclude each other: leave out both to watch IPv4 and IPv6");
	if (command)
		usage_fail(STATUS_USAGE, "%s", command);
	if (options->follow_forks && !options->pid_count && !options->command)
		usage_fail(STATUS_USAGE,
			   "-f needs -p PID: it follows the children of these processes");
}

/* Handles the options that print something about tcpwatch and end it, and the end of options. */
static error_t information_parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case '?':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case OPTION_USAGE:
		argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		break;
	case OPTION_EXPLAIN:
		explain_option(arg);
	case 'V':
		puts("tcpwatch " TCPWATCH_VERSION);
		exit(EXIT_SUCCESS);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
	struct options_leaks *leaks = state->input;
	struct options *options = leaks->options;

	switch (key) {
	case ARGP_KEY_INIT:
		for (size_t i = 0; state->root_argp->children[i].argp; i++)
			state->child_inputs[i] =
				state->root_argp->children[i].argp == &options_leaks_argp
					? (void *)leaks
					: options;
		break;
	case 'p':
		list_parse(options, arg, pid_parse);
		break;
	case 'f':
		options->follow_forks = true;
		break;
	case 'n':
		comms_add(options, arg);
		break;
	case '4':
		options->only_ipv4 = true;
		break;
	case '6':
		options->only_ipv6 = true;
		break;
	case 'L':
		list_parse(options, arg, local_port_parse);
		break;
	case 'D':
		list_parse(options, arg, remote_port_parse);
		break;
	case 'w':
		options->close_wait_ns = duration_option("-w", arg, 0);
		break;
	case 't':
		options->trace = true;
		break;
	case 'i':
		options->interval_ns = interval_option(arg);
		break;
	case 'd':
		options->duration_ns = duration_option("-d", arg, 1);
		break;
	case 's':
		options->stack = true;
		break;
	case OPTION_DEBUGINFOD:
		options->debuginfod = true;
		break;
	case 'j':
		options->json = true;
		break;
	case OPTION_FEATURES:
		options->features = true;
		break;
	case OPTION_BTF:
		options->btf = btf_option(arg);
		break;
	case OPTION_RING_SIZE:
		options->ring_size = ring_size_option(arg);
		break;
	case 'v':
		options->verbose++;
		break;
	default:
		return information_parse(key, arg, state);
	}
	return 0;
}

/* Leaves out the note on arguments of short options: -p, --pid=PID already shows them. */
static char *help_filter(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)text;
}

void options_parse(struct options *options, struct suppressions **suppressions, int argc,
		   char **argv)
{
	static const struct argp_child children[] = {
		{&options_leaks_argp, 0, NULL, 0},
		{&options_command_argp, 0, NULL, 0},
		{&options_web_argp, 0, NULL, 0},
		{0},
	};
	static const struct argp argp = {
		.options = argp_options,
		.parser = option_parse,
		.args_doc = "\n-- COMMAND [ARG...]",
		.doc = doc,
		.help_filter = help_filter,
		.children = children,
	};
	static char name[] = "tcpwatch";
	struct options_leaks leaks = {.options = options, .suppressions = suppressions};
	char *name_given = argc > 0 ? argv[0] : NULL;
	struct option_fault fault;
	bool wrong = option_check_find(&argp, argc, argv, &fault);
	error_t err;

	*options = (struct options){
		.close_wait_ns = CLOSE_WAIT_DEFAULT,
		.ring_size = RING_DEFAULT,
	};
	*suppressions = NULL;
	argp_err_exit_status = STATUS_USAGE;
	/* getopt begins its messages with argv[0], including the path. */
	if (name_given)
		argv[0] = name;
	/* argp's own --help would add --HANG and --program-name. ARGP_IN_ORDER, because an argument
	 * before -- is not COMMAND. */
	err = argp_parse(&argp, fault.index, argv, ARGP_NO_HELP | ARGP_IN_ORDER, NULL, &leaks);
	if (name_given)
		argv[0] = name_given;
	if (err)
		usage_fail(STATUS_FAULT, "command line: %s", strerror(err));
	if (wrong)
		usage_fail(STATUS_USAGE, "%s", fault.text);
	options_check(options);
	options->follow_forks = options->follow_forks || options->command;
	if (!options->max_groups)
		options->max_groups = MAX_GROUPS_DEFAULT;
}

void options_free(struct options *options)
{
	free(options->pids);
	free(options->comms);
	free(options->local_ports);
	free(options->remote_ports);
	free(options->web_listen);
	*options = (struct options){0};
}
