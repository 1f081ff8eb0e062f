// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Measures what loaded BPF programs cost.
 *
 *	progstat EMPTY.bpf.o SECONDS [NAME...]
 *
 * Attaches the empty program, has the kernel keep run times (only while this process lives: no
 *sysctl changes), waits, and prints for the empty program and for each NAME what was added in that
 *time:
 *
 *	NAME RUNS NANOSECONDS MISSES
 *
 * A name cut to 15 characters is how the kernel knows a program. Programs of one name are summed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EMPTY_NAME "empty_set_state"

struct cost {
	long long runs;
	long long time_ns;
	long long misses;
};

static void cost_add(struct cost *cost, const char *name, int sign)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone since */
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    !strncmp(info.name, name, BPF_OBJ_NAME_LEN - 1)) {
			cost->runs += sign * (long long)info.run_cnt;
			cost->time_ns += sign * (long long)info.run_time_ns;
			cost->misses += sign * (long long)info.recursion_misses;
		}
		close(fd);
	}
}

static void attach_empty(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object || bpf_object__load(object))
		errx(1, "cannot load %s", path);
	program = bpf_object__find_program_by_name(object, EMPTY_NAME);
	if (!program || !bpf_program__attach(program))
		errx(1, "cannot attach %s", path);
}

int main(int argc, char **argv)
{
	struct cost *costs;
	double seconds;

	if (argc < 3 || (seconds = atof(argv[2])) <= 0)
		errx(2, "usage: progstat EMPTY.bpf.o SECONDS [NAME...]");
	costs = calloc(argc, sizeof(*costs));
	if (!costs)
		err(1, "calloc");
	attach_empty(argv[1]);
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		err(1, "BPF_ENABLE_STATS");

	argv[2] = EMPTY_NAME;
	for (int i = 2; i < argc; i++)
		cost_add(&costs[i], argv[i], -1);
	usleep(seconds * 1e6);
	for (int i = 2; i < argc; i++) {
		cost_add(&costs[i], argv[i], 1);
		printf("%s %lld %lld %lld\n", argv[i], costs[i].runs, costs[i].time_ns,
		       costs[i].misses);
	}
	free(costs);
	return 0;
}
