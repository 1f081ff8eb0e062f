// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection whose SYN was answered, but not yet confirmed by the peer, is a mini-socket in
 * SYN_RECV. All of them pass here when they leave the listener's queue.
 */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

/*
 * The inner function is used since timers drop requests by it (e8c526f2bdf1 in 6.12, and in stable
 * kernels). Where it does not exist, user space chooses inet_csk_reqsk_queue_drop().
 */
SEC("fentry/__inet_csk_reqsk_queue_drop")
int BPF_PROG(on_request, struct sock *listener, struct request_sock *req)
{
	struct sock_common *sk = &req->__req_common;
	struct tcp_request_sock *request;
	struct event_request *e;
	struct ring_place place;
	__u64 time_ns;
	bool dropped;

	/*
	 * Requests that become ESTABLISHED pass here too. Then the connection has already taken the
	 * request's place in the table (inet_ehash_insert()). The transition reports these, except
	 * for the lifetime where the SYN-ACK was repeated: the kernel measures it since
	 * 3868ab0f1925 in 6.7, and only where its own timer repeated the SYN-ACK, not where the
	 * peer repeated its SYN.
	 */
	dropped = sk->skc_node.pprev;
	if (!dropped && !req->num_retrans)
		return 0;
	if (!dropped && bpf_core_field_exists(((struct tcp_sock *)0)->total_rto_time) &&
	    BPF_CORE_READ_BITFIELD(req, num_timeout))
		return 0;
	request = bpf_skc_to_tcp_request_sock(sk);
	if (!request)
		return 0;
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_mini_record(e, EVENT_REQUEST, sizeof(*e), time_ns, sk, sk);
	e->flow.flags |= read_redirected(sk, BPF_CORE_READ_BITFIELD(&request->req, no_srccheck));
	e->age_us = e->time_ns / 1000 - request->snt_synack;
	e->what = dropped ? REQUEST_DROPPED : REQUEST_COMPLETED;
	e->retransmits = req->num_retrans;
	e->reserved[0] = 0;
	e->reserved[1] = 0;
	e->left_ticks = req->rsk_timer.expires - bpf_jiffies64();
	ring_submit(e, &place);
	return 0;
}
