/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_CALLER_BPF_H
#define TCPWATCH_CALLER_BPF_H

/*
 * Corrects what the kernel's unwinder leaves out and what it makes up. The unwinder follows frame
 * pointers, and on x86-64 few programs and libraries have them.
 *
 * The C library's functions around system calls have none, so the unwinder leaves out the caller of
 * the innermost function, which matters most. But the code from the system call to the function's
 * first `ret` is short, and shows how far up the stack the return address is.
 *
 * Where a program uses the frame pointer's register for something else, what it points to is no
 * frame. A return address comes right behind a call; the first address that does not ends the
 * stack.
 */

#include "common.bpf.h"

#ifdef __TARGET_ARCH_x86

#define WAY_OUT	    48 /* bytes from the system call to `ret`; glibc needs 29 at most */
#define CODE_BEFORE 8  /* bytes before a return address; no call is longer than 7 */

/* How many frames are checked, at 100 ns each. A program with more of them has frame pointers. */
#define LOOKED_AT 6

#define RET	0xc3
#define ADD_RSP 0x4883c4 /* add $x, %rsp */
#define CMP_RAX 0x483d	 /* cmp $x, %rax: whether the system call failed */
#define JA	0x77

/* Returns how many bytes the return address is above the stack pointer, or -1. It has few branches,
 * since the verifier follows all of them. */
static __always_inline int find_depth(const __u8 code[WAY_OUT])
{
	__u32 window = 0;

	if (code[0] == RET)
		return 0;
	if ((code[0] << 8 | code[1]) == CMP_RAX && code[6] == JA && code[8] == RET)
		return 0;
	for (int i = 0; i < WAY_OUT; i++) {
		/* The last byte of the window is what is added. */
		if (window >> 8 == ADD_RSP && code[i] == RET)
			return window & 0xff;
		window = window << 8 | code[i];
	}
	return -1;
}

static __always_inline bool is_call(const __u8 *code)
{
	return code[0] == 0xff && (code[1] & 0x38) == 0x10;
}

static __always_inline bool is_behind_call(const __u8 code[CODE_BEFORE])
{
	return code[3] == 0xe8 || is_call(code + 6) || is_call(code + 5) || is_call(code + 4) ||
	       is_call(code + 2) || is_call(code + 1);
}

static __always_inline bool is_return_address(__u64 address)
{
	__u8 code[CODE_BEFORE];

	return !bpf_probe_read_user(code, sizeof(code), (void *)(address - sizeof(code))) &&
	       is_behind_call(code);
}

/* Returns the return address of the function that made the task's system call, at ip; 0 where it is
 * not found. */
static __always_inline __u64 find_caller(struct task_struct *task, __u64 ip)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u8 code[WAY_OUT];
	__u64 caller;
	int depth;

	if (bpf_probe_read_user(code, sizeof(code), (void *)ip))
		return 0;
	depth = find_depth(code);
	if (depth < 0)
		return 0;
	if (bpf_probe_read_user(&caller, sizeof(caller), (void *)(regs->sp + depth)))
		return 0;
	return is_return_address(caller) ? caller : 0;
}

/* Returns how many of the frames are real. The first `sure` ones are known to be. */
static __always_inline __u32 count_frames(const __u64 frames[EVENT_STACK_FRAMES], __u32 sure,
					  __u32 count)
{
	__u32 i;

	for (i = sure; i < LOOKED_AT; i++) {
		if (i >= count)
			return count;
		if (!is_return_address(frames[i]))
			return i;
	}
	return count;
}

#else

static __always_inline __u64 find_caller(struct task_struct *task, __u64 ip)
{
	return 0;
}

static __always_inline __u32 count_frames(const __u64 frames[EVENT_STACK_FRAMES], __u32 sure,
					  __u32 count)
{
	return count;
}

#endif

#endif
