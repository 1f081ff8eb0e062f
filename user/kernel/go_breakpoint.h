/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_BREAKPOINT_H
#define TCPWATCH_GO_BREAKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "go/binary.h"

struct bpf_link;
struct bpf_program;

/* How many threads of a process get the breakpoint. A process that has just started has few. */
#define GO_BREAKPOINT_THREADS 32

/*
 * A hardware breakpoint where a Go program begins an HTTP request, in the threads of one process.
 * It is set in microseconds, unlike a uprobe. A zeroed one is set in no thread.
 */
struct go_breakpoint {
	struct bpf_link *links[GO_BREAKPOINT_THREADS];
	uint32_t threads[GO_BREAKPOINT_THREADS];
	size_t count;
};

/* Sets the breakpoint in the threads of the process and in those that they will create. `program`
 * is loaded, and stays the caller's. Threads where it cannot be set are left out. */
void go_breakpoint_set(struct go_breakpoint *breakpoint, const struct bpf_program *program,
		       uint32_t pid, const struct go_binary *binary);
/* Removes it from all threads. */
void go_breakpoint_clear(struct go_breakpoint *breakpoint);

/*
 * Sets a breakpoint in tcpwatch itself, on go_landmark(). Setting the first breakpoint of the
 * machine waits for all processors; as long as this one is set, others are set in microseconds.
 * Returns 0 with *link, which the caller destroys, or a negative errno.
 */
int go_breakpoint_try(const struct bpf_program *program, struct bpf_link **link);

#endif
