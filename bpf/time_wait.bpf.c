// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT, and FIN_WAIT2 of a socket that no process holds any more, continue in a mini-socket,
 * for which there is no tracepoint. It begins with the socket's own transition to CLOSE; what comes
 * after that is reported here.
 */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline int write_mini(struct sock_common *sk, __u8 what, __u8 state,
				      __s32 left_ticks)
{
	struct event_mini *e;
	__u64 time_ns = bpf_ktime_get_ns();
	struct ring_place place;

	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_mini_record(e, EVENT_MINI, sizeof(*e), time_ns, sk, sk);
	e->what = what;
	e->state = state;
	e->reserved[0] = 0;
	e->reserved[1] = 0;
	e->left_ticks = left_ticks;
	ring_submit(e, &place);
	return 0;
}

/* Where tcp_time_wait() gets no mini-socket, the transition to CLOSE that follows is the end. */
SEC("fexit/inet_twsk_alloc")
int BPF_PROG(on_mini_alloc, struct sock *sk, void *death_row, int state,
	     struct inet_timewait_sock *tw)
{
	if (tw)
		return 0;
	return write_mini(&sk->__sk_common, MINI_REFUSED, state, 0);
}

/* The peer's FIN came for an orphan, or came again. */
SEC("fentry/__inet_twsk_schedule")
int BPF_PROG(on_mini_timed, struct inet_timewait_sock *tw, int timeo, bool rearm)
{
	if (!rearm || tw->tw_substate != TCP_TIME_WAIT)
		return 0;
	return write_mini(&tw->__tw_common, MINI_TIMED, TCP_TIME_WAIT, 0);
}

SEC("fentry/inet_twsk_free")
int BPF_PROG(on_mini_free, struct inet_timewait_sock *tw)
{
	return write_mini(&tw->__tw_common, MINI_ENDED, tw->tw_substate,
			  tw->tw_timer.expires - bpf_jiffies64());
}
