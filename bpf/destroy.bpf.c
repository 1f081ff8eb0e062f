// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a socket that had been closed from the other side: a reset or a timeout puts it to
 * CLOSE with nobody acting, and the close() that its process does later makes no transition. Told
 * as CLOSE > CLOSE, with its actor.
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
	bool look;

	actor = find_actor(sk);
	if (!actor)
		return 0;
	/*
	 * Within release_sock(), over a segment that came during close(): a normal end, known by
	 * its transition. len is zeroed only after the backlog is done (__release_sock() in
	 * net/core/sock.c).
	 */
	if (sk->sk_backlog.len)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !sk->__sk_common.skc_dport) /* never was a connection */
		return 0;
	e = ring_reserve(sizeof(*e), &look);
	if (!e)
		return 0;
	read_transition(e, tp, TCP_CLOSE, TCP_CLOSE, sizeof(*e));
	read_actor(e, actor);
	ring_submit(e, look);
	return 0;
}
