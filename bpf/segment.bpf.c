// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that show a problem: retransmissions and resets. Segments without a problem pass none of
 * these hooks.
 *
 * Resets without a full socket are left out: those for a port without a listener, and those of
 * mini-sockets.
 */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline int write_segment(struct sock *sk, __u8 what, __u32 reason)
{
	struct event_segment *e;
	struct tcp_sock *tp;
	struct ring_place place;
	__u64 time_ns;

	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_socket_record(e, EVENT_SEGMENT, sizeof(*e), read_netns(&sk->__sk_common), time_ns, sk,
			    tp);
	if (sk_flag(sk, SOCK_KEEPOPEN))
		e->flow.flags |= EVENT_KEEPALIVE;
	e->what = what;
	e->state = sk->__sk_common.skc_state;
	e->timeouts = tp->inet_conn.icsk_retransmits;
	e->backoff = tp->inet_conn.icsk_backoff;
	e->unacknowledged = tp->write_seq - tp->snd_una;
	e->last_received_ticks = (__u32)bpf_jiffies64() - tp->rcv_tstamp;
	e->reason = reason;
	ring_submit(e, &place);
	return 0;
}

/*
 * Newer kernels also report what they could not send, for lack of a route, or because the segment
 * sent before is still in a queue of this host. The argument is read only where it exists: the
 * verifier refuses to read behind the last one.
 */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_repeated, struct sock *sk)
{
	if (bpf_core_type_exists(btf_trace_tcp_retransmit_skb) && (int)ctx[2])
		return 0;
	return write_segment(sk, SEGMENT_REPEATED, 0);
}

/* With TCP Fast Open the connection has a full socket: then `sk` is that, not the listener. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_synack, struct sock *sk, struct request_sock *req)
{
	struct tcp_request_sock *request;
	struct event_segment *e;
	struct ring_place place;
	__u64 time_ns;

	request = bpf_skc_to_tcp_request_sock(&req->__req_common);
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_mini_record(e, EVENT_SEGMENT, sizeof(*e), time_ns, &sk->__sk_common,
			  &req->__req_common);
	e->flow.flags = request ? read_request_flags(request) : 0;
	if (sk_flag(sk, SOCK_KEEPOPEN))
		e->flow.flags |= EVENT_KEEPALIVE;
	e->what = SEGMENT_SYNACK_REPEATED;
	e->state = TCP_SYN_RECV;
	e->timeouts = BPF_CORE_READ_BITFIELD(req, num_timeout);
	e->backoff = 0;
	e->unacknowledged = 0;
	e->last_received_ticks = 0;
	e->reason = 0;
	ring_submit(e, &place);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	__u32 reason = 0;

	if (!sk) /* newer kernels: the port has no listener */
		return 0;
	if (bpf_core_type_exists(btf_trace_tcp_send_reset))
		reason = (__u32)ctx[2];
	return write_segment(sk, SEGMENT_RESET_SENT, reason);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_got, struct sock *sk)
{
	return write_segment(sk, SEGMENT_RESET_RECEIVED, 0);
}
