/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_STACK_BPF_H
#define TCPWATCH_STACK_BPF_H

/* Where in a program a socket was created: the user stack of the running task (-s). */

#include "caller.bpf.h"
#include "common.bpf.h"
#include "ring.bpf.h"
#include "unwind.bpf.h"

/* Set before loading. Where it is false, the verifier removes all this code. */
extern const volatile bool stacks;

/* Reads the frames by the kernel's unwinder, innermost first. Returns how many there are. */
static __always_inline __u32 get_frames(void *ctx, struct task_struct *task,
					__u64 frames[EVENT_STACK_FRAMES])
{
	const __u32 all = sizeof(__u64) * EVENT_STACK_FRAMES;
	long size = bpf_get_stack(ctx, frames + 1, all - sizeof(__u64), BPF_F_USER_STACK);
	__u64 caller;

	if (size <= 0)
		return 0;
	caller = find_caller(task, frames[1]);
	if (caller && caller != frames[2]) {
		frames[0] = frames[1];
		frames[1] = caller;
		return count_frames(frames, 2, (__u32)size / sizeof(*frames) + 1);
	}
	size = bpf_get_stack(ctx, frames, all, BPF_F_USER_STACK);
	return size <= 0 ? 0 : count_frames(frames, 1, (__u32)size / sizeof(*frames));
}

#ifdef __TARGET_ARCH_x86

static __always_inline __u32 read_frames(void *ctx, struct task_struct *task,
					 __u64 frames[EVENT_STACK_FRAMES])
{
	struct pt_regs *regs = unwind_registers(task);
	struct user_frame frame;
	__u64 caller;

	if (!regs)
		return get_frames(ctx, task, frames);
	frames[0] = regs->ip;
	caller = find_caller(task, regs->ip);
	if (!unwind_frame(&frame, regs->bp)) {
		frames[1] = caller;
		return caller ? 2 : 1;
	}
	if (!caller || caller == frame.caller)
		return count_frames(frames, 1, unwind_rest(frames, 1, &frame));
	frames[1] = caller;
	return count_frames(frames, 2, unwind_rest(frames, 2, &frame));
}

#else

static __always_inline __u32 read_frames(void *ctx, struct task_struct *task,
					 __u64 frames[EVENT_STACK_FRAMES])
{
	return get_frames(ctx, task, frames);
}

#endif

/* As read_frames(), at the beginning of a function, which has no frame yet: it is left out. */
static __always_inline __u32 read_frames_of_called(void *ctx, __u64 frames[EVENT_STACK_FRAMES],
						   __u64 caller)
{
	long size =
		bpf_get_stack(ctx, frames, sizeof(__u64) * EVENT_STACK_FRAMES, BPF_F_USER_STACK);

	if (size <= 0)
		return 0;
	frames[0] = caller;
	return count_frames(frames, 1, (__u32)size / sizeof(*frames));
}

/* Processes whose mappings user space has read. Each one's first stack wakes user space, since the
 * process may end soon. */
struct spaces_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);   /* tgid */
	__type(value, __u32); /* exec_id */
};

extern struct spaces_map spaces SEC(".maps");

static __always_inline bool is_new_space(const struct event_stack *e)
{
	__u32 tgid = e->task.tgid, exec_id = e->exec_id;
	__u32 *known = bpf_map_lookup_elem(&spaces, &tgid);

	if (known && *known == exec_id)
		return false;
	bpf_map_update_elem(&spaces, &tgid, &exec_id, 0);
	return true;
}

/*
 * Writes the record of a stack, behind the record by which user space knows the socket. Writes none
 * without a stack, or without a process to look it up in. A worker of io_uring has no stack of use:
 * its process asked for the work somewhere else. `caller`: the return address of a function that
 * was just entered, or 0.
 */
static __always_inline void write_stack_of(void *ctx, struct task_struct *task, __u16 how,
					   __u64 cookie, __u32 netns, __u64 caller)
{
	__u64 time_ns = bpf_ktime_get_ns();
	struct ring_place place;
	struct event_stack *e;
	__u32 count;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	e = ring_reserve_early(sizeof(*e), &time_ns, &place);
	if (!e)
		return;
	count = caller ? read_frames_of_called(ctx, e->frames, caller)
		       : read_frames(ctx, task, e->frames);
	read_current(&e->task, task);
	if (!count || !e->task.tgid) {
		ring_discard(e);
		return;
	}
	begin_record(e, EVENT_STACK, sizeof(*e), netns, time_ns);
	e->cookie = cookie;
	e->exec_id = task->self_exec_id;
	e->how = how;
	e->count = count;
	ring_submit_late(e, &place, is_new_space(e));
}

static __always_inline void write_stack(void *ctx, struct task_struct *task, __u16 how,
					__u64 cookie, __u32 netns)
{
	write_stack_of(ctx, task, how, cookie, netns, 0);
}

#endif
