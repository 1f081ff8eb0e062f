/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_RECORD_BPF_H
#define TCPWATCH_RECORD_BPF_H

/* Filling the record of a transition. */

#include "common.bpf.h"

/*
 * Who runs, if he is the one who acts. With the lock not owned it is softirq over a passer-by; a
 * kernel thread closes for somebody else.
 */
static __always_inline struct task_struct *find_actor(struct sock *sk)
{
	struct task_struct *task;

	if (!sk->sk_lock.owned)
		return 0;
	task = bpf_get_current_task_btf();
	return task->flags & PF_KTHREAD ? 0 : task;
}

static __always_inline void read_actor(struct event_transition *e, struct task_struct *task)
{
	read_current(&e->task, task);
	e->flow.flags |= task->flags & PF_EXITING ? EVENT_ACTOR | EVENT_EXITING : EVENT_ACTOR;
}

/*
 * Work on a segment or a timer begins with reading the clock into tcp_clock_cache
 * (tcp_mstamp_refresh(), CLOCK_MONOTONIC), and reading it again would be the dearest thing done
 * here. Where a process acts, or a listener closes its children, that value is an old one.
 */
static __always_inline __u64 read_time(struct tcp_sock *tp, struct sock *sk, int from, int to)
{
	if (sk->sk_lock.owned)
		return bpf_ktime_get_ns();
	if (to == TCP_CLOSE && from != TCP_LAST_ACK && from != TCP_FIN_WAIT2 && from != TCP_CLOSING)
		return bpf_ktime_get_ns();
	return tp->tcp_clock_cache;
}

static __always_inline void read_transition(struct event_transition *e, struct tcp_sock *tp,
					    int from, int to, __u16 size)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 retransmits = tp->total_retrans;

	write_header(&e->header, EVENT_TRANSITION, size, read_netns(&sk->__sk_common));
	e->time_ns = read_time(tp, sk, from, to);
	e->cookie = read_cookie(&sk->__sk_common);
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
	e->rto_time_ms = 0;
	if (from == TCP_SYN_RECV && bpf_core_field_exists(tp->total_rto_time))
		e->rto_time_ms = tp->total_rto_time;
}

#endif
