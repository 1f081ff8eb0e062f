/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_UNWIND_BPF_H
#define TCPWATCH_UNWIND_BPF_H

/*
 * Follows the frame pointers of the running task from its system call on, as the kernel's own
 * unwinder does (perf_callchain_user() in arch/x86/events/core.c), which also finds the end
 * of a stack by a page fault.
 */

#include "common.bpf.h"

#ifdef __TARGET_ARCH_x86

#define FIRST_PAGE   4096
#define USER_CODE_64 0x33 /* __USER_CS in asm/segment.h; 32-bit code has other frames */

/* It comes behind ip, and has no name in vmlinux.h: it is an unsigned long, and since FRED a u16 in
 * a union. */
static __always_inline __u16 code_segment(const struct pt_regs *regs)
{
	return *(const __u16 *)(&regs->ip + 1);
}

struct user_frame {
	__u64 next;
	__u64 caller;
};

/* The registers at the system call. NULL where only the kernel's unwinder knows the stack: of
 * 32-bit code, and of a task whose return addresses may be replaced by those of uretprobes
 * (fixup_uretprobe_trampoline_entries() in kernel/events/callchain.c). */
static __always_inline struct pt_regs *unwind_registers(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (bpf_core_field_exists(task->utask) && task->utask)
		return 0;
	return code_segment(regs) == USER_CODE_64 ? regs : 0;
}

/* Reads the frame at this address. Returns false at the end of the stack. There the C library
 * leaves 0, or the number of the program's arguments; to read there would cost a page fault, which
 * takes longer than all the rest. */
static __always_inline bool unwind_frame(struct user_frame *frame, __u64 address)
{
	return address >= FIRST_PAGE &&
	       !bpf_probe_read_user(frame, sizeof(*frame), (void *)address);
}

/* Fills in the frames from number `from` on, of which *frame is the first one, and returns how many
 * there are then. */
static __always_inline __u32 unwind_rest(__u64 frames[EVENT_STACK_FRAMES], __u32 from,
					 struct user_frame *frame)
{
	__u32 i;

#pragma clang loop unroll(disable)
	for (i = from; i < EVENT_STACK_FRAMES; i++) {
		frames[i] = frame->caller;
		if (!unwind_frame(frame, frame->next))
			return i + 1;
	}
	return i;
}

#endif

#endif
