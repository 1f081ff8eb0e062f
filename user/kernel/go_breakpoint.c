// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/go_breakpoint.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/asker.h"
#include "kernel/go_landmark.h"

#define PATH_LEN    64
#define VECTORS_MAX 64

/* How many times the threads are listed: threads that were not listed yet may have created
 * others. */
#define ROUNDS 4

static int set(const struct bpf_program *program, pid_t thread, uint64_t address,
	       struct bpf_link **link)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_X,
		.bp_addr = address,
		.bp_len = sizeof(long),
		.sample_period = 1,
		.exclude_kernel = 1,
		.inherit = 1,
	};
	struct bpf_link *made;
	int err,
		fd = (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	made = bpf_program__attach_perf_event(program, fd);
	if (made) { /* the link owns the descriptor now */
		*link = made;
		return 0;
	}
	err = -errno;
	close(fd);
	return err;
}

/* Sets *bias to the distance between the program's addresses in memory and those in its file. */
static int read_bias(uint32_t pid, const struct go_binary *binary, uint64_t *bias)
{
	Elf64_auxv_t vector[VECTORS_MAX];
	char path[PATH_LEN];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/auxv", pid);
	fd = asker_read(path, sizeof(vector));
	if (fd < 0)
		return fd;
	length = read(fd, vector, sizeof(vector));
	close(fd);
	for (ssize_t i = 0; i < length / (ssize_t)sizeof(vector[0]); i++)
		if (vector[i].a_type == AT_ENTRY) {
			*bias = vector[i].a_un.a_val - binary->entry;
			return 0;
		}
	return -ENOENT;
}

static bool has(const struct go_breakpoint *breakpoint, uint32_t thread)
{
	for (size_t i = 0; i < breakpoint->count; i++)
		if (breakpoint->threads[i] == thread)
			return true;
	return false;
}

/* Returns whether there were threads without the breakpoint. */
static bool set_in_threads(struct go_breakpoint *breakpoint, const struct bpf_program *program,
			   uint32_t pid, uint64_t address)
{
	const struct dirent *entry;
	char path[PATH_LEN];
	bool is_new = false;
	DIR *directory;

	/* The process cannot make that wait: proc_task_readdir() in fs/proc/base.c. */
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (breakpoint->count < GO_BREAKPOINT_THREADS && (entry = readdir(directory))) {
		uint32_t thread = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (!thread || has(breakpoint, thread) ||
		    set(program, (pid_t)thread, address, &breakpoint->links[breakpoint->count]))
			continue;
		breakpoint->threads[breakpoint->count++] = thread;
		is_new = true;
	}
	closedir(directory);
	return is_new;
}

void go_breakpoint_set(struct go_breakpoint *breakpoint, const struct bpf_program *program,
		       uint32_t pid, const struct go_binary *binary)
{
	uint64_t bias = 0;

	if (read_bias(pid, binary, &bias))
		return;
	for (int i = 0; i < ROUNDS; i++)
		if (!set_in_threads(breakpoint, program, pid, binary->address + bias))
			break;
}

void go_breakpoint_clear(struct go_breakpoint *breakpoint)
{
	for (size_t i = 0; i < breakpoint->count; i++)
		bpf_link__destroy(breakpoint->links[i]);
	breakpoint->count = 0;
}

int go_breakpoint_try(const struct bpf_program *program, struct bpf_link **link)
{
	return set(program, 0, (uintptr_t)go_landmark, link);
}
