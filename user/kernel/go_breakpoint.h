/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_BREAKPOINT_H
#define TCPWATCH_GO_BREAKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "go/binary.h"

struct bpf_link;
struct bpf_program;

/* Threads of a process that has just begun: more are left out. */
#define GO_BREAKPOINT_THREADS 32

/*
 * A hardware breakpoint where a Go program begins an HTTP request, in one process: it is there at
 * once. Zeroed: none.
 */
struct go_breakpoint {
	struct bpf_link *links[GO_BREAKPOINT_THREADS];
	uint32_t threads[GO_BREAKPOINT_THREADS];
	size_t count;
};

/* In the threads of the process, and those that they will begin. What cannot be done is left. */
void go_breakpoint_set(struct go_breakpoint *breakpoint, const struct bpf_program *program,
		       uint32_t pid, const struct go_binary *binary);
void go_breakpoint_clear(struct go_breakpoint *breakpoint);

/*
 * Sets it in ourselves, on go_landmark(). While it is there, others are set in microseconds; the
 * first one waits for all processors. Returns 0 and *link, or a negative errno.
 */
int go_breakpoint_try(const struct bpf_program *program, struct bpf_link **link);

#endif
