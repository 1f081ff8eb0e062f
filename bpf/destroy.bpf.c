// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a socket that a reset or a timeout has put to CLOSE: that transition has no actor, and
 * the close() that its process calls later makes no transition. It is reported as CLOSE > CLOSE,
 * with the actor.
 */
#include "common.bpf.h"
#include "record.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	struct event_transition *e;
	struct task_struct *actor;
	struct tcp_sock *tp;
	struct ring_place place;
	__u64 time_ns;

	actor = find_actor(sk);
	if (!actor)
		return 0;
	/*
	 * release_sock() is handling a segment that came during close(): this is a normal end,
	 * which its transition reports. len is zeroed only after the backlog was handled
	 * (__release_sock() in net/core/sock.c).
	 */
	if (sk->sk_backlog.len)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !sk->__sk_common.skc_dport) /* it never was a connection */
		return 0;
	time_ns = read_time(tp, sk, TCP_CLOSE, TCP_CLOSE);
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	read_transition(e, tp, TCP_CLOSE, TCP_CLOSE, sizeof(*e), time_ns, place.cpu);
	read_actor(e, actor, EVENT_ACTOR);
	ring_submit(e, &place);
	return 0;
}
