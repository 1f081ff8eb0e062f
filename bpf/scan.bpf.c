// SPDX-License-Identifier: GPL-2.0-only
/* Which sockets exist: found by the descriptors that hold them, and in the kernel's TCP tables. */
#include "common.bpf.h"
#include <bpf/bpf_tracing.h>

/* Bit n: sockets in state n are wanted. User space sets this before each scan. */
volatile __u32 scan_states = 0;
/* The same for mini-sockets. */
volatile __u32 scan_mini_states = 0;
/* Of listeners that are found by their descriptors, the beginnings of their queues are wanted. */
volatile __u32 scan_queues = 0;
/* When a read has to end (CLOCK_MONOTONIC); user space sets it before each. */
volatile __u64 scan_until_ns = ~0ULL;
static __u32 objects_seen = 0;

/*
 * An iterator goes over millions of objects without a record, and its reader has other work. A
 * program that returns 1 ends the read, which gives what it has or EAGAIN, and gets the same object
 * again at the next read: bpf_iter_run_prog() and bpf_seq_read() in kernel/bpf/bpf_iter.c. The
 * clock takes longer than most objects, so it is read with one of many; between two looks at it
 * there is progress.
 */
static __always_inline bool time_is_over(void)
{
	return !(++objects_seen & 63) && bpf_ktime_get_ns() >= scan_until_ns;
}

static __always_inline bool wanted(__u8 state)
{
	return scan_states >> (state & 31) & 1;
}

/*
 * Whether this side has made the connection. tcp_sock.bytes_acked counts the SYN of a connect(),
 * but not the SYN-ACK of a listener, behind which the child begins (tcp_snd_una_update() in
 * net/ipv4/tcp_input.c, tcp_create_openreq_child() in net/ipv4/tcp_minisocks.c). For the rest it
 * counts data that was sent. Only where nothing is unsent or in flight, so that the numbers stand.
 */
static __always_inline bool has_connected(const struct tcp_sock *tp)
{
	return tp->write_seq == tp->snd_una &&
	       tp->bytes_acked == tp->bytes_sent - tp->bytes_retrans + 1;
}

static __always_inline void read_socket(struct event_scan *e, __u8 kind, struct tcp_sock *tp)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 ticks = bpf_jiffies64();

	begin_socket_record(e, kind, sizeof(*e), read_netns(&sk->__sk_common), bpf_ktime_get_ns(),
			    sk, tp);
	e->copied_seq = tp->copied_seq;
	e->write_seq = tp->write_seq;
	if (e->state == TCP_LISTEN) {
		e->recv_queue = sk->sk_ack_backlog;
		e->send_queue = sk->sk_max_ack_backlog;
	} else {
		e->recv_queue = tp->rcv_nxt - e->copied_seq;
		e->send_queue = e->write_seq - tp->snd_una;
	}
	if (e->state == TCP_CLOSE_WAIT && has_connected(tp))
		e->flow.flags |= EVENT_CONNECTED;
	if (kind == EVENT_SCAN_SOCKET)
		e->flow.flags |=
			read_redirected(&sk->__sk_common, is_transparent(&tp->inet_conn.icsk_inet));
	e->last_sent_ticks = ticks - tp->lsndtime;
	e->last_received_ticks = ticks - tp->rcv_tstamp;
}

/*
 * The connections at the beginning of an accept queue, without the lock that keeps them there. They
 * are taken from its beginning only, so they are all in it while the beginning stays; where it has
 * changed, the process accepts, and nothing is said. Whatever these pointers point to meanwhile,
 * reading it is safe, and no helper gets it. A connection without a cookie is left out.
 */
static __always_inline void write_beginning(struct seq_file *seq, struct tcp_sock *tp)
{
	struct sock_common *sk = &tp->inet_conn.icsk_inet.sk.__sk_common;
	struct request_sock *first = tp->inet_conn.icsk_accept_queue.rskq_accept_head;
	struct request_sock *request = first;
	struct event_scan_queue e;

	begin_record(&e, EVENT_SCAN_QUEUE, sizeof(e), read_netns(sk), bpf_ktime_get_ns());
	e.cookie = read_cookie(sk);
	for (int i = 0; i < EVENT_QUEUE_WAITING; i++) {
		struct sock_common *child = &request->sk->__sk_common;

		e.waiting[i] =
			child->skc_net.net == sk->skc_net.net ? child->skc_cookie.counter : 0;
		request = request->dl_next;
	}
	barrier();
	if (tp->inet_conn.icsk_accept_queue.rskq_accept_head == first)
		bpf_seq_write(seq, &e, sizeof(e));
}

SEC("iter/task_file")
int scan_fds(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct event_scan e = {};
	struct socket *socket;
	struct tcp_sock *tp;
	struct sock *sk;

	if (!task || !file)
		return 0;
	if (time_is_over())
		return 1;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	e.state = sk->__sk_common.skc_state;
	if (!wanted(e.state))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	read_socket(&e, EVENT_SCAN_FD, tp);
	read_process(&e.task, task);
	e.task.tgid = task_tgid_here(task);
	/* The iterator shows a thread only if it does not share the files of the first one. */
	if (task->pid != task->tgid) {
		e.task.tid = pidns_ino ? pid_here(task->thread_pid) : task->pid;
		e.leaderless = !task->group_leader->files;
	}
	e.fd = ctx->fd;
	if (scan_queues && e.state == TCP_LISTEN && e.recv_queue)
		write_beginning(ctx->meta->seq, tp);
	bpf_seq_write(ctx->meta->seq, &e, sizeof(e));
	return 0;
}

/*
 * Which network namespaces there are. Reading /proc/PID/ns/net waits while that process is in
 * execve(), which a file system of its own can make last for ever (exec_update_lock in
 * fs/proc/namespaces.c); the iterator takes no such lock.
 */
SEC("iter/task")
int scan_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct event_netns e = {};

	if (!task)
		return 0;
	if (time_is_over())
		return 1;
	e.netns = task->nsproxy->net_ns->ns.inum; /* 0 of one that has ended */
	if (!e.netns)
		return 0;
	e.thread = task->pid != task->tgid;
	if (e.thread && e.netns == task->group_leader->nsproxy->net_ns->ns.inum)
		return 0;
	e.pid = pidns_ino ? pid_here(task->thread_pid) : task->pid;
	if (e.pid)
		bpf_seq_write(ctx->meta->seq, &e, sizeof(e));
	return 0;
}

/* Returns whether the socket is in TIME_WAIT, or in FIN_WAIT2 as a mini-socket, and wanted. */
static __always_inline bool read_time_wait(struct event_scan *e, struct sock_common *sk)
{
	struct tcp_timewait_sock *tw = bpf_skc_to_tcp_timewait_sock(sk);

	if (!tw)
		return false;
	e->state = tw->tw_sk.tw_substate;
	if (!(scan_mini_states >> (e->state & 31) & 1))
		return false;
	begin_mini_record(e, EVENT_SCAN_MINI, sizeof(*e), bpf_ktime_get_ns(), sk, sk);
	e->flow.flags |= read_redirected(sk, BPF_CORE_READ_BITFIELD(&tw->tw_sk, tw_transparent));
	e->mini.left_ticks = tw->tw_sk.tw_timer.expires - bpf_jiffies64();
	return true;
}

/* Returns whether the socket is a request in SYN_RECV, and wanted. */
static __always_inline bool read_request(struct event_scan *e, struct sock_common *sk)
{
	struct tcp_request_sock *request = bpf_skc_to_tcp_request_sock(sk);

	if (!request)
		return false;
	e->state = TCP_SYN_RECV;
	if (!(scan_mini_states >> TCP_SYN_RECV & 1))
		return false;
	begin_mini_record(e, EVENT_SCAN_MINI, sizeof(*e), bpf_ktime_get_ns(), sk, sk);
	e->flow.flags = read_request_flags(request) |
			read_redirected(sk, BPF_CORE_READ_BITFIELD(&request->req, no_srccheck));
	e->mini.age_us = e->time_ns / 1000 - request->snt_synack;
	e->mini.left_ticks = request->req.req.rsk_timer.expires - bpf_jiffies64();
	e->mini.retransmits = request->req.req.num_retrans;
	return true;
}

/*
 * How many records a listener has about its queue at most, of EVENT_QUEUE_WAITING connections each.
 * The verifier goes through every turn of the loop: a thousand connections would cost it 0.07 s.
 * All that is written for one socket must fit in the 32 KiB of bpf_seq_read() in
 * kernel/bpf/bpf_iter.c.
 */
#define QUEUE_RECORDS 40

/*
 * Returns the cookie of a connection that waits in a queue, 0 if there is none. A connection has
 * one since its first record, unless it is older than tcpwatch. The helper reads what it is given
 * without a check, so it gets only what is a TCP socket of this namespace; the memory of one stays
 * that of a socket meanwhile (SLAB_TYPESAFE_BY_RCU).
 */
static __always_inline __u64 read_waiting(struct sock *child, struct net *net)
{
	__u64 cookie = child->__sk_common.skc_cookie.counter;

	if (!cookie && child->sk_protocol == IPPROTO_TCP && child->__sk_common.skc_net.net == net)
		cookie = bpf_get_socket_cookie(child);
	return cookie;
}

/*
 * Which connections wait in the queue of this listener: their own addresses do not tell it
 * (IP_TRANSPARENT, TPROXY, BPF sk_lookup programs, SO_REUSEPORT). The iterator holds the lock of
 * the listener (bpf_iter_tcp_seq_show() in net/ipv4/tcp_ipv4.c), without which nothing is taken
 * from the queue (inet_csk_accept(), inet_csk_listen_stop()); connections may be added to its end.
 * Past the end all pointers are NULL, and what they point to reads as 0.
 */
static __always_inline void write_queue(struct seq_file *seq, struct tcp_sock *tp)
{
	struct sock_common *sk = &tp->inet_conn.icsk_inet.sk.__sk_common;
	struct request_sock *request = tp->inet_conn.icsk_accept_queue.rskq_accept_head;
	struct event_scan_queue e;

	begin_record(&e, EVENT_SCAN_QUEUE, sizeof(e), read_netns(sk), bpf_ktime_get_ns());
	e.cookie = read_cookie(sk);
	for (int record = 0; record < QUEUE_RECORDS && request; record++) {
		for (int i = 0; i < EVENT_QUEUE_WAITING; i++) {
			e.waiting[i] = read_waiting(request->sk, sk->skc_net.net);
			request = request->dl_next;
		}
		bpf_seq_write(seq, &e, sizeof(e));
	}
}

SEC("iter/tcp")
int scan_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct event_scan e = {};
	struct tcp_sock *tp;

	if (!sk)
		return 0;
	if (time_is_over())
		return 1;
	e.state = sk->skc_state;
	if (e.state == TCP_TIME_WAIT) {
		if (!read_time_wait(&e, sk))
			return 0;
	} else if (e.state == TCP_NEW_SYN_RECV) {
		if (!read_request(&e, sk))
			return 0;
	} else {
		if (!wanted(e.state))
			return 0;
		tp = bpf_skc_to_tcp_sock(sk);
		if (!tp)
			return 0;
		read_socket(&e, EVENT_SCAN_SOCKET, tp);
		if (e.state == TCP_LISTEN && e.recv_queue)
			write_queue(ctx->meta->seq, tp);
	}
	bpf_seq_write(ctx->meta->seq, &e, sizeof(e));
	return 0;
}
