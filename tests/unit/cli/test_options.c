// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "options_run.h"

#include <pthread.h>
#include <sys/prctl.h>

#include "base/units.h"
#include "base/version.h"

static void nothing_given_means_defaults(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS(NULL));
	assert_int_equal(options.close_wait_ns, 10 * NS_PER_S);
	assert_int_equal(options.ring_size, 16 << 20);
	assert_int_equal(options.interval_ns, 0);
	assert_int_equal(options.duration_ns, 0);
	assert_null(options.btf); /* the kernel's own */
	assert_int_equal(options.pid_count + options.comm_count, 0);
	assert_int_equal(options.local_port_count + options.remote_port_count, 0);
	assert_false(options.only_ipv4 || options.only_ipv6 || options.follow_forks);
	assert_false(options.trace || options.json || options.features || options.verbose);
	assert_false(options_serve(&options));
	assert_null(options.web_config);
	assert_false(options.labels.pid || options.labels.cgroup || options.labels.netns);
	assert_int_equal(options.max_groups, 100);
	options_free(&options);
}

static void every_flag_sets_its_own_field(void **state)
{
	static const struct {
		const char *argument;
		size_t offset;
	} flags[] = {
		{"-4", offsetof(struct options, only_ipv4)},
		{"-6", offsetof(struct options, only_ipv6)},
		{"-t", offsetof(struct options, trace)},
		{"--trace", offsetof(struct options, trace)},
		{"-j", offsetof(struct options, json)},
		{"--json", offsetof(struct options, json)},
		{"--features", offsetof(struct options, features)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct options options;

		parse(&options, ARGUMENTS(flags[i].argument));
		assert_true(*(bool *)((char *)&options + flags[i].offset));
		assert_int_equal(options.only_ipv4 + options.only_ipv6 + options.trace +
					 options.json + options.features + options.verbose +
					 options.follow_forks,
				 1);
		options_free(&options);
	}
}

static void verbose_is_counted(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-v"));
	assert_int_equal(options.verbose, 1);
	options_free(&options);
	parse(&options, ARGUMENTS("-vv"));
	assert_int_equal(options.verbose, 2);
	options_free(&options);
	parse(&options, ARGUMENTS("--verbose", "-t", "--verbose"));
	assert_int_equal(options.verbose, 2);
	options_free(&options);
}

static void values_arrive(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-w", "1.5m", "-i10s", "--duration=2h", "--ring-size", "256K"));
	assert_int_equal(options.close_wait_ns, 90 * NS_PER_S);
	assert_int_equal(options.interval_ns, 10 * NS_PER_S);
	assert_int_equal(options.duration_ns, 7200 * NS_PER_S);
	assert_int_equal(options.ring_size, 256 << 10);
	options_free(&options);

	parse(&options, ARGUMENTS("--close-wait=5", "--interval", "10ms", "-d", "1", "-d", "3s"));
	assert_int_equal(options.close_wait_ns, 5 * NS_PER_S);
	assert_int_equal(options.interval_ns, 10 * NS_PER_MS);
	assert_int_equal(options.duration_ns, 3 * NS_PER_S);
	options_free(&options);
}

static void ring_size_may_be_a_page_or_1g(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("--ring-size=4096"));
	assert_int_equal(options.ring_size, 4096);
	options_free(&options);
	parse(&options, ARGUMENTS("--ring-size=1G"));
	assert_int_equal(options.ring_size, 1 << 30);
	options_free(&options);
}

static void close_wait_may_be_0(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-w0"));
	assert_int_equal(options.close_wait_ns, 0);
	options_free(&options);
}

static void ports_accumulate_without_duplicates(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-L", "80,443,80", "-D5432", "-L1,65535,443",
				  "--remote-port=6379,5432", "--local-port", "8080"));
	assert_int_equal(options.local_port_count, 5);
	assert_int_equal(options.local_ports[0], 80);
	assert_int_equal(options.local_ports[1], 443);
	assert_int_equal(options.local_ports[2], 1);
	assert_int_equal(options.local_ports[3], 65535);
	assert_int_equal(options.local_ports[4], 8080);
	assert_int_equal(options.remote_port_count, 2);
	assert_int_equal(options.remote_ports[0], 5432);
	assert_int_equal(options.remote_ports[1], 6379);
	options_free(&options);
}

static void comms_accumulate_without_duplicates(void **state)
{
	static const char zeros[16];
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("-n", "nginx", "--comm=123456789012345", "-n", "a,b", "-nnginx"));
	assert_int_equal(options.comm_count, 3);
	assert_string_equal(options.comms[0], "nginx");
	assert_memory_equal(options.comms[0] + 5, zeros, 11);
	assert_string_equal(options.comms[1], "123456789012345");
	assert_string_equal(options.comms[2], "a,b");
	options_free(&options);
}

static void pids_accumulate_without_duplicates(void **state)
{
	char self[64], parent_and_self[64];
	struct options options;

	(void)state;
	snprintf(self, sizeof(self), "%d,%d", getpid(), getpid());
	snprintf(parent_and_self, sizeof(parent_and_self), "1,%d,0001", getpid());
	parse(&options, ARGUMENTS("-p", self, "--pid", parent_and_self, "-f"));
	assert_int_equal(options.pid_count, 2);
	assert_int_equal(options.pids[0], getpid());
	assert_int_equal(options.pids[1], 1);
	assert_true(options.follow_forks);
	options_free(&options);
}

struct sleeper {
	const char *name;
	int ready[2];
	int end[2];
};

static void *sleep_named(void *data)
{
	struct sleeper *sleeper = data;
	pid_t tid = gettid();
	char byte;

	prctl(PR_SET_NAME, sleeper->name);
	if (write(sleeper->ready[1], &tid, sizeof(tid)) == sizeof(tid))
		(void)!read(sleeper->end[0], &byte, 1);
	return NULL;
}

/* Whatever the thread calls itself, it stands for this process. */
static void thread_ids_become_their_process(void **state)
{
	static const char *const names[] = {
		"worker", "a\nTgid:\t1\n", "\nTgid:\t1\n\nTgid:", ")\\n) (\t", "\xff\xfe\x80", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct sleeper sleeper = {.name = names[i]};
		struct options options;
		pthread_t thread;
		char list[64];
		pid_t tid;

		assert_int_equal(pipe(sleeper.ready) | pipe(sleeper.end), 0);
		assert_int_equal(pthread_create(&thread, NULL, sleep_named, &sleeper), 0);
		assert_int_equal(read(sleeper.ready[0], &tid, sizeof(tid)), sizeof(tid));
		assert_int_not_equal(tid, getpid());

		snprintf(list, sizeof(list), "%d,%d", tid, getpid());
		parse(&options, ARGUMENTS("-p", list));
		assert_int_equal(options.pid_count, 1);
		assert_int_equal(options.pids[0], getpid());
		options_free(&options);

		close(sleeper.end[1]);
		pthread_join(thread, NULL);
		close(sleeper.end[0]);
		close(sleeper.ready[0]);
		close(sleeper.ready[1]);
	}
}

static void version_is_printed(void **state)
{
	static const char *const options[] = {"-V", "--version"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct outcome outcome;

		run(&outcome, ARGUMENTS(options[i], "--bogus"));
		assert_int_equal(outcome.status, 0);
		assert_string_equal(outcome.out, "tcpwatch " TCPWATCH_VERSION "\n");
		assert_string_equal(outcome.err, "");
	}
}

static void help_names_every_option_in_80_columns(void **state)
{
	static const char *const wanted[] = {"Usage: tcpwatch ",
					     "Which sockets:",
					     "What to report:",
					     "Starting a command:",
					     "--user=NAME",
					     "--error-exitcode=N",
					     "--output=FILE",
					     " -- COMMAND [ARG...]",
					     "Serving:",
					     "--web.listen-address=",
					     "--web.config.file=",
					     "--web.systemd-socket",
					     "--label=",
					     "--max-groups=",
					     "The kernel:",
					     "-p, --pid=PID",
					     "-f, --follow-forks",
					     "-n, --comm=NAME",
					     "  -4 ",
					     "  -6 ",
					     "-L, --local-port=",
					     "-D, --remote-port=",
					     "-w, --close-wait=",
					     "-t, --trace",
					     "-i, --interval=",
					     "-d, --duration=",
					     "-j, --json",
					     "--features",
					     "--ring-size=",
					     "--explain=",
					     "-v, --verbose",
					     "-V, --version",
					     "-?, --help",
					     "--usage",
					     "10s",
					     "16M",
					     "Examples:\n"};
	static const char *const options[] = {"-?", "--help"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct outcome outcome;

		run(&outcome, ARGUMENTS(options[i]));
		assert_int_equal(outcome.status, 0);
		assert_string_equal(outcome.err, "");
		for (size_t j = 0; j < ARRAY_SIZE(wanted); j++)
			check_text(outcome.out, wanted[j]);
		assert_null(strstr(outcome.out, "\n\n\n"));
		for (char *line = strtok(outcome.out, "\n"); line; line = strtok(NULL, "\n"))
			if (strlen(line) >= 80)
				fail_msg("too long: %s", line);
	}
}

static void usage_is_printed(void **state)
{
	struct outcome outcome;

	(void)state;
	run(&outcome, ARGUMENTS("--usage"));
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.err, "");
	check_text(outcome.out, "Usage: tcpwatch [");
	check_text(outcome.out, "[--ring-size=SIZE]");
	check_text(outcome.out, "[--btf=PATH]");
	assert_null(strstr(outcome.out, "--HANG"));
}

static void the_command_line_is_left_as_it_was(void **state)
{
	static const char *const arguments[] = {"-t", "-L", "80", "-D80", "-n",
						"x",  "-p", "1",  NULL};
	struct command_line line, copy;
	struct options options;
	struct suppressions *suppressions;

	(void)state;
	command_line_make(&line, arguments);
	copy = line;
	options_parse(&options, &suppressions, line.count, line.words);
	assert_null(suppressions);
	assert_memory_equal(&line, &copy, sizeof(copy));
	options_free(&options);
	/* Once more does no harm. */
	options_free(&options);
}

/* It is only looked whether it can be read; what is in it, libbpf says. */
static void btf_from_a_file(void **state)
{
	static const char path[] = "/proc/self/exe";
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("--btf", path));
	assert_string_equal(options.btf, path);
	options_free(&options);
	parse(&options, ARGUMENTS("--btf=/proc/self/exe", "-t"));
	assert_string_equal(options.btf, path);
	options_free(&options);
}

static void addresses_to_serve_at_accumulate(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("--web.listen-address=127.0.0.1:10433", "-t",
				  "--web.listen-address", "[::1]:0"));
	assert_true(options_serve(&options));
	assert_int_equal(options.web_listen_count, 2);
	assert_string_equal(options.web_listen[0], "127.0.0.1:10433");
	assert_string_equal(options.web_listen[1], "[::1]:0");
	assert_false(options.web_systemd_socket);
	options_free(&options);
}

static void what_is_served_can_be_told(void **state)
{
	struct options options;

	(void)state;
	parse(&options, ARGUMENTS("--label=netns,pid", "--max-groups=1",
				  "--web.config.file=web.yml", "--web.systemd-socket"));
	assert_true(options_serve(&options));
	assert_int_equal(options.web_listen_count, 0);
	assert_true(options.labels.netns && options.labels.pid && !options.labels.cgroup);
	assert_int_equal(options.max_groups, 1);
	assert_string_equal(options.web_config, "web.yml");
	options_free(&options);

	parse(&options, ARGUMENTS("--web.listen-address=:1", "--label=pid", "--label=cgroup,cgroup",
				  "--max-groups=5", "--max-groups=10000"));
	assert_true(options.labels.pid && options.labels.cgroup && !options.labels.netns);
	assert_int_equal(options.max_groups, 10000);
	options_free(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_means_defaults),
		cmocka_unit_test(every_flag_sets_its_own_field),
		cmocka_unit_test(verbose_is_counted),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(ring_size_may_be_a_page_or_1g),
		cmocka_unit_test(close_wait_may_be_0),
		cmocka_unit_test(ports_accumulate_without_duplicates),
		cmocka_unit_test(comms_accumulate_without_duplicates),
		cmocka_unit_test(pids_accumulate_without_duplicates),
		cmocka_unit_test(thread_ids_become_their_process),
		cmocka_unit_test(version_is_printed),
		cmocka_unit_test(help_names_every_option_in_80_columns),
		cmocka_unit_test(usage_is_printed),
		cmocka_unit_test(the_command_line_is_left_as_it_was),
		cmocka_unit_test(btf_from_a_file),
		cmocka_unit_test(addresses_to_serve_at_accumulate),
		cmocka_unit_test(what_is_served_can_be_told),
	};

	environment_clean();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
