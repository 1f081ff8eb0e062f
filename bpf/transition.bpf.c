// SPDX-License-Identifier: GPL-2.0-only
/* Every TCP state change, from the one place that all of them pass: sock:inet_sock_set_state. */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; the same in every kernel since 2.6.27 */

/*
 * Who runs, if he is the one who acts. With the lock not owned it is softirq over a passer-by; a
 * kernel thread closes for somebody else.
 */
static __always_inline void read_actor(struct event_transition *e, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_pidns_info ns = {};

	if (!sk->sk_lock.owned || task->flags & PF_KTHREAD) {
		__builtin_memset(&e->task, 0, sizeof(e->task));
		return;
	}
	read_process(&e->task, task);
	if (pidns_ino) {
		bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ns, sizeof(ns));
		e->task.tgid = ns.tgid;
	}
	e->flow.flags |= EVENT_ACTOR;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_set_state, struct sock *sk, int from, int to)
{
	struct event_transition *e;
	struct tcp_sock *tp;

	/*
	 * LISTEN>SYN_RECV is a child that still has its listener's cookie and stale addresses
	 * (until a3a128f611a9 in 6.15); SYN_RECV>ESTABLISHED tells all. CLOSE>CLOSE is tcp_abort()
	 * of a listener.
	 */
	if (from == TCP_LISTEN && to == TCP_SYN_RECV)
		return 0;
	if (from == TCP_CLOSE && to == TCP_CLOSE)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk); /* not an MPTCP master socket, which comes by here too */
	if (!tp)
		return 0;
	e = ring_reserve(sizeof(*e));
	if (!e)
		return 0;

	e->header.kind = EVENT_TRANSITION;
	e->header.version = EVENT_VERSION;
	e->header.size = sizeof(*e);
	e->header.netns = sk->__sk_common.skc_net.net->ns.inum;
	e->time_ns = bpf_ktime_get_ns();
	e->cookie = bpf_get_socket_cookie(sk);
	read_flow(&e->flow, tp);
	read_actor(e, sk);
	e->from = from;
	e->to = to;
	e->shutdown = sk->sk_shutdown;
	e->reserved = 0;
	e->error = sk->sk_err;
	e->srtt_us = tp->srtt_us >> 3;
	e->retransmits = tp->total_retrans;
	e->copied_seq = tp->copied_seq;
	e->recv_queue = tp->rcv_nxt - e->copied_seq;
	e->write_seq = tp->write_seq;
	e->snd_una = tp->snd_una;
	e->segment = tp->tcp_clock_cache;
	e->reserved2 = 0;
	ring_submit(e);
	return 0;
}
