// SPDX-License-Identifier: GPL-2.0-only
/*
 * accept(): which process took the connection, and when. sock_graft() calls this hook in the task
 * that accepts, with the connection's lock held, for every system call and for io_uring. Where the
 * kernel refuses fentry programs, that process is found later, from close() or by a scan.
 */
#include "common.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("fentry/security_sock_graft")
int BPF_PROG(on_accept, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_accept *e;
	struct tcp_sock *tp;
	struct ring_place place;
	__u64 time_ns;

	if (task->flags & PF_KTHREAD)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk); /* not TCP: the hook is for sockets of every kind */
	if (!tp)
		return 0;
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_socket_record(e, EVENT_ACCEPT, sizeof(*e), read_netns(&sk->__sk_common), time_ns, sk,
			    tp);
	e->state = sk->__sk_common.skc_state;
	__builtin_memset(e->reserved, 0, sizeof(e->reserved));
	read_current(&e->task, task);
	ring_submit(e, &place);
	if (stacks)
		write_stack(ctx, task, STACK_ACCEPT, read_cookie(&sk->__sk_common),
			    read_netns(&sk->__sk_common));
	return 0;
}
