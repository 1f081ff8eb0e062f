/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_STACK_BPF_H
#define TCPWATCH_STACK_BPF_H

/* Where in a program a socket was made: the user stack of whoever runs (-s). */

#include "common.bpf.h"
#include "ring.bpf.h"

/* Set before loading: without it the verifier leaves all this out. */
extern const volatile bool stacks;

/*
 * Comes after the record by which user space knows the socket. Where there is no stack, or no
 * process to look it up in, there is no record. A worker of io_uring has none: its process asked
 * from somewhere else. `caller`: a function was just entered, and has no frame yet; where it
 * returns to comes first, then the frames it was called from.
 */
static __always_inline void write_stack_of(void *ctx, struct task_struct *task, __u16 how,
					   __u64 cookie, __u32 netns, __u64 caller)
{
	struct event_stack *e;
	long size;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	e = ring_reserve_early(sizeof(*e));
	if (!e)
		return;
	size = bpf_get_stack(ctx, e->frames, sizeof(e->frames), BPF_F_USER_STACK);
	read_current(&e->task, task);
	if (size <= 0 || !e->task.tgid) {
		ring_discard(e);
		return;
	}
	if (caller)
		e->frames[0] = caller; /* was the function itself */
	write_header(&e->header, EVENT_STACK, sizeof(*e), netns);
	e->time_ns = bpf_ktime_get_ns();
	e->cookie = cookie;
	e->exec_id = task->self_exec_id;
	e->how = how;
	e->count = size / sizeof(e->frames[0]);
	ring_submit_late(e);
}

static __always_inline void write_stack(void *ctx, struct task_struct *task, __u16 how,
					__u64 cookie, __u32 netns)
{
	write_stack_of(ctx, task, how, cookie, netns, 0);
}

#endif
