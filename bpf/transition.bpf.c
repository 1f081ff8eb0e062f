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
static __always_inline struct task_struct *find_actor(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return sk->sk_lock.owned && !(task->flags & PF_KTHREAD) ? task : 0;
}

static __always_inline void read_actor(struct event_transition *e, struct task_struct *task)
{
	struct bpf_pidns_info ns = {};

	read_process(&e->task, task);
	if (pidns_ino) {
		bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ns, sizeof(ns));
		e->task.tgid = ns.tgid;
	}
	e->flow.flags |= EVENT_ACTOR;
}

static __always_inline void read_transition(struct event_transition *e, struct tcp_sock *tp,
					    int from, int to, __u16 size)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 retransmits = tp->total_retrans;

	e->header.kind = EVENT_TRANSITION;
	e->header.version = EVENT_VERSION;
	e->header.size = size;
	e->header.netns = sk->__sk_common.skc_net.net->ns.inum;
	e->time_ns = bpf_ktime_get_ns();
	e->cookie = bpf_get_socket_cookie(sk);
	read_flow(&e->flow, tp);
	e->from = from;
	e->to = to;
	e->shutdown = sk->sk_shutdown;
	e->retransmits = retransmits < 255 ? retransmits : 255;
	e->error = sk->sk_err;
	e->srtt_us = tp->srtt_us >> 3;
	e->copied_seq = tp->copied_seq;
	e->recv_queue = tp->rcv_nxt - e->copied_seq;
	e->write_seq = tp->write_seq;
	e->segment = tp->tcp_clock_cache;
	e->reserved = 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_set_state, struct sock *sk, int from, int to)
{
	struct event_transition *e;
	struct task_struct *actor;
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
	actor = find_actor(sk);
	if (actor) {
		e = ring_reserve(sizeof(*e));
		if (!e)
			return 0;
		read_transition(e, tp, from, to, sizeof(*e));
		read_actor(e, actor);
	} else {
		e = ring_reserve(EVENT_TRANSITION_SHORT);
		if (!e)
			return 0;
		read_transition(e, tp, from, to, EVENT_TRANSITION_SHORT);
	}
	ring_submit(e);
	return 0;
}
