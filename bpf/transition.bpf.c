// SPDX-License-Identifier: GPL-2.0-only
/* Every TCP state change: all of them pass the tracepoint sock:inet_sock_set_state. */
#include "common.bpf.h"
#include "record.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_set_state, struct sock *sk, int from, int to)
{
	struct event_transition *e;
	struct task_struct *actor, *task;
	struct tcp_sock *tp;
	struct ring_place place;
	__u64 time_ns;

	/*
	 * LISTEN>SYN_RECV is a child that still has its listener's cookie and stale addresses
	 * (until a3a128f611a9 in 6.15). All that is needed comes with SYN_RECV>ESTABLISHED.
	 * CLOSE>CLOSE is tcp_abort() of a listener.
	 */
	if (from == TCP_LISTEN && to == TCP_SYN_RECV)
		return 0;
	if (from == TCP_CLOSE && to == TCP_CLOSE)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk); /* NULL for an MPTCP master socket, which passes here too */
	if (!tp)
		return 0;
	actor = find_actor(sk);
	task = actor ? actor : find_closer(sk, from, to);
	time_ns = read_time(tp, sk, from, to);
	if (task) {
		e = ring_reserve(sizeof(*e), &time_ns, &place);
		if (!e)
			return 0;
		read_transition(e, tp, from, to, sizeof(*e), time_ns, place.cpu);
		read_actor(e, task, actor ? EVENT_ACTOR : EVENT_CLOSER);
	} else {
		e = ring_reserve(EVENT_TRANSITION_SHORT, &time_ns, &place);
		if (!e)
			return 0;
		read_transition(e, tp, from, to, EVENT_TRANSITION_SHORT, time_ns, place.cpu);
	}
	ring_submit(e, &place);
	if (stacks && actor && from == TCP_CLOSE && to == TCP_SYN_SENT)
		write_stack(ctx, actor, STACK_CONNECT, read_cookie(&sk->__sk_common),
			    read_netns(&sk->__sk_common));
	return 0;
}
