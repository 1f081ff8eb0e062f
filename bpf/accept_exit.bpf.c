// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stack of accept(), where the kernel refuses fentry programs: taken at the end of the system
 * call. These programs are loaded only for stacks (-s), since a tracepoint on a system call delays
 * all system calls of the machine. Connections that io_uring accepts do not pass here.
 */
#include "common.bpf.h"
#include "descriptor.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"

static __always_inline int write_accept(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk;
	__u64 cookie;

	if (!stacks || ctx->ret < 0)
		return 0;
	sk = find_socket(task, ctx->ret);
	if (!sk)
		return 0;
	/* on_set_state() gave the connection its cookie when it was established. A socket without
	 * one has no record that user space could know it by. */
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	if (cookie)
		write_stack(ctx, task, STACK_ACCEPT, cookie,
			    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	return 0;
}

SEC("tp/syscalls/sys_exit_accept")
int on_accept_exit(struct syscall_trace_exit *ctx)
{
	return write_accept(ctx);
}

SEC("tp/syscalls/sys_exit_accept4")
int on_accept4_exit(struct syscall_trace_exit *ctx)
{
	return write_accept(ctx);
}
