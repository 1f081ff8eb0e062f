/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_RECORD_BPF_H
#define TCPWATCH_RECORD_BPF_H

/* Fills in the record of a transition. */

#include "common.bpf.h"
#include "ring.bpf.h"

/*
 * Returns the running task if it is the one that acts on the socket, else NULL. Where the lock is
 * not owned, softirq runs on top of an unrelated task; a kernel thread acts for another process.
 */
static __always_inline struct task_struct *find_actor(struct sock *sk)
{
	struct task_struct *task;

	if (!sk->sk_lock.owned)
		return 0;
	task = bpf_get_current_task_btf();
	return task->flags & PF_KTHREAD ? 0 : task;
}

/*
 * Returns the running task if it closes the listener of this connection, which was not accepted,
 * else NULL. inet_csk_listen_stop() in net/ipv4/inet_connection_sock.c holds no lock of it: it
 * disables bottom halves, disconnects it, and sets no error before.
 */
static __always_inline struct task_struct *find_closer(struct sock *sk, int from, int to)
{
	struct task_struct *task;

	if (to != TCP_CLOSE || (from != TCP_CLOSE_WAIT && from != TCP_ESTABLISHED))
		return 0;
	if (sk->sk_lock.owned || sk->sk_socket || sk->sk_err || sk_flag(sk, SOCK_DEAD))
		return 0;
	task = bpf_get_current_task_btf();
	return task->flags & PF_KTHREAD ? 0 : task;
}

/* `how` is EVENT_ACTOR or EVENT_CLOSER. */
static __always_inline void read_actor(struct event_transition *e, struct task_struct *task,
				       __u16 how)
{
	read_current(&e->task, task);
	e->flow.flags |= task->flags & PF_EXITING ? how | EVENT_EXITING : how;
}

/*
 * The kernel's work on a segment or a timer begins with tcp_mstamp_refresh(), which reads the clock
 * (CLOCK_MONOTONIC, ns) into tcp_clock_cache. Reading the clock once more would cost more than all
 * else here. Where a process acts, or a listener closes its children, the cached value is stale.
 */
static __always_inline __u64 read_time(struct tcp_sock *tp, struct sock *sk, int from, int to)
{
	if (sk->sk_lock.owned)
		return bpf_ktime_get_ns();
	if (to == TCP_CLOSE && from != TCP_LAST_ACK && from != TCP_FIN_WAIT2 && from != TCP_CLOSING)
		return bpf_ktime_get_ns();
	return tp->tcp_clock_cache;
}

/* The range that IP_LOCAL_PORT_RANGE (91d0b78c5177) set; 0 where the kernel does not know it. */
static __always_inline __u32 read_port_range(struct inet_sock *inet)
{
	struct inet_sock___range_pair *pair = (void *)inet;
	struct inet_sock___range *number = (void *)inet;

	if (bpf_core_field_exists(number->local_port_range))
		return number->local_port_range;
	if (bpf_core_field_exists(pair->local_port_range.lo))
		return (__u32)pair->local_port_range.hi << 16 | pair->local_port_range.lo;
	return 0;
}

/* What a connection leaves behind when it ends. */
static __always_inline void read_end(struct event_transition *e, struct tcp_sock *tp)
{
	__s32 sent_after = tp->lsndtime - tp->inet_conn.icsk_ack.lrcvtime;

	if (sent_after > 0)
		e->flow.flags |= EVENT_SENT_LAST;
	else if (sent_after < 0)
		e->flow.flags |= EVENT_RECEIVED_LAST;
	e->mss = tp->mss_cache;
	e->unacknowledged = e->write_seq - tp->snd_una;
}

/*
 * Reads the network namespace. Its number is in a cache line with its reference count, which every
 * socket that is made or freed writes, so the CPU remembers it by the namespace's cookie, which is
 * never used again. One word holds both, since programs interrupt each other.
 */
static __always_inline __u32 read_netns_once(struct event_cpu *cpu, const struct sock_common *sk)
{
	__u64 cookie = sk->skc_net.net->net_cookie, last = cpu->netns;
	__u32 netns;

	if (last >> 32 == cookie)
		return last;
	netns = read_netns(sk);
	if (!(cookie >> 32))
		cpu->netns = cookie << 32 | netns;
	return netns;
}

static __always_inline void read_transition(struct event_transition *e, struct tcp_sock *tp,
					    int from, int to, __u16 size, __u64 time_ns,
					    struct event_cpu *cpu)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 retransmits = tp->total_retrans;

	begin_socket_record(e, EVENT_TRANSITION, size, read_netns_once(cpu, &sk->__sk_common),
			    time_ns, sk, tp);
	e->from = from;
	e->to = to;
	e->shutdown = sk->sk_shutdown;
	e->retransmits = retransmits < 255 ? retransmits : 255;
	e->error = sk->sk_err;
	e->srtt_us = tp->srtt_us >> 3;
	e->rto_time_ms = 0;
	e->copied_seq = tp->copied_seq;
	e->recv_queue = tp->rcv_nxt - e->copied_seq;
	e->write_seq = tp->write_seq;
	e->segment = tp->tcp_clock_cache;
	if (from == TCP_SYN_RECV)
		e->flow.flags |=
			read_redirected(&sk->__sk_common, is_transparent(&tp->inet_conn.icsk_inet));
	if (to == TCP_CLOSE) {
		if (from == TCP_SYN_SENT)
			e->port_range = read_port_range(&tp->inet_conn.icsk_inet);
		else
			read_end(e, tp);
	} else if (from == TCP_SYN_RECV && bpf_core_field_exists(tp->total_rto_time)) {
		e->rto_time_ms = tp->total_rto_time;
	}
}

#endif
