/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_COMMON_BPF_H
#define TCPWATCH_COMMON_BPF_H

/* What several hook families need: they read the identities of sockets and tasks by direct BTF
 * access, and fill in the beginning of each record. */

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "event.h"

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

/* From include/linux/sched.h: the same in every kernel since 2.6.27, PF_IO_WORKER since 5.12. */
#define PF_EXITING   0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

/* From include/net/inet_sock.h: the same since 4bd0623f04ee in 6.6. */
#define INET_FLAGS_TRANSPARENT 15

/* How deep pid namespaces nest at most: MAX_PID_NS_LEVEL in include/linux/pid_namespace.h. */
#define PIDNS_LEVELS 32

/* Device and inode of tcpwatch's pid namespace. The inode is 0 where that is the initial one; this
 * is the fast path. */
extern const volatile __u64 pidns_dev;
extern const volatile __u64 pidns_ino;

#define sk_flag(sk, name)                                                                          \
	(((sk)->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, name)) & 1)

/* The helper generates the cookie of a socket that has none yet. It is called only then, since a
 * call costs as much as all of read_flow(). */
static __always_inline __u64 read_cookie(struct sock_common *sk)
{
	__u64 cookie = sk->skc_cookie.counter;

	return cookie ? cookie : bpf_get_socket_cookie(sk);
}

static __always_inline __u32 read_netns(const struct sock_common *sk)
{
	return sk->skc_net.net->ns.inum;
}

static __always_inline void read_address(__u8 *to, const struct in6_addr *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from->in6_u.u6_addr32)[0];
	((__u64 *)to)[1] = ((const __u64 *)from->in6_u.u6_addr32)[1];
}

/* Reads what full sockets and mini-sockets have in common: all but the flags. */
static __always_inline void read_common_flow(struct event_flow *flow, const struct sock_common *sk)
{
	flow->family = sk->skc_family;
	if (flow->family == AF_INET6) {
		read_address(flow->local, &sk->skc_v6_rcv_saddr);
		read_address(flow->remote, &sk->skc_v6_daddr);
	} else {
		__builtin_memset(flow->local, 0, 2 * EVENT_ADDRESS_LEN);
		*(__u32 *)flow->local = sk->skc_rcv_saddr;
		*(__u32 *)flow->remote = sk->skc_daddr;
	}
	flow->local_port = sk->skc_num;
	flow->remote_port = bpf_ntohs(sk->skc_dport);
}

/* Reads the flow of a full socket. */
static __always_inline void read_flow(struct event_flow *flow, struct tcp_sock *tp)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u16 flags = 0;

	read_common_flow(flow, &sk->__sk_common);
	/* When a socket goes to CLOSE, skc_num is already 0, but inet_sport is not. */
	flow->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);

	if (sk->sk_socket)
		flags |= EVENT_SK_SOCKET;
	if (sk_flag(sk, SOCK_DEAD)) {
		flags |= EVENT_DEAD;
		if (tp->linger2 < 0) /* only of orphans: it is not in a cache line just used */
			flags |= EVENT_LINGER2_NEG;
	}
	if (sk_flag(sk, SOCK_DONE))
		flags |= EVENT_DONE;
	if (sk_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
		flags |= EVENT_LINGER;
	if (BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		flags |= EVENT_KERN_SOCK;
	flow->flags = flags;
}

/*
 * Whether the kernel may choose the listener of this socket by something else than its address: by
 * BPF programs of the namespace (inet_lookup_run_sk_lookup() in net/ipv4/inet_hashtables.c), or by
 * tproxy, whose listeners have IP_TRANSPARENT. Connections inherit that option.
 */
static __always_inline __u16 read_redirected(const struct sock_common *sk, bool transparent)
{
	return transparent || sk->skc_net.net->bpf.run_array[NETNS_BPF_SK_LOOKUP] ? EVENT_REDIRECTED
										  : 0;
}

static __always_inline bool is_transparent(struct inet_sock *inet)
{
	struct inet_sock___transparent *before = (void *)inet;

	if (bpf_core_field_exists(before->transparent)) /* until 4bd0623f04ee in 6.6 */
		return BPF_CORE_READ_BITFIELD(before, transparent);
	return inet->inet_flags >> INET_FLAGS_TRANSPARENT & 1;
}

/* How every record of a socket begins; event.h has the same members in each of them. */
struct socket_record {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_flow flow;
};

#define BEGINS_LIKE_SOCKET_RECORD(type)                                                            \
	_Static_assert(__builtin_offsetof(type, time_ns) == 8 &&                                   \
			       __builtin_offsetof(type, cookie) == 16 &&                           \
			       __builtin_offsetof(type, flow) == 24,                               \
		       "the beginning of a socket's record")

BEGINS_LIKE_SOCKET_RECORD(struct socket_record);
BEGINS_LIKE_SOCKET_RECORD(struct event_transition);
BEGINS_LIKE_SOCKET_RECORD(struct event_accept);
BEGINS_LIKE_SOCKET_RECORD(struct event_mini);
BEGINS_LIKE_SOCKET_RECORD(struct event_request);
BEGINS_LIKE_SOCKET_RECORD(struct event_segment);
BEGINS_LIKE_SOCKET_RECORD(struct event_scan);

/* Fills in what every record begins with: netns is the inode of the network namespace, 0 where the
 * record belongs to none; the time is in ns of CLOCK_MONOTONIC. */
static __always_inline void begin_record(void *record, __u8 kind, __u16 size, __u32 netns,
					 __u64 time_ns)
{
	struct socket_record *e = record;

	e->header.kind = kind;
	e->header.version = EVENT_VERSION;
	e->header.size = size;
	e->header.netns = netns;
	e->time_ns = time_ns;
}

/* Fills in what the record of a full socket begins with, up to the flow. `sk` and `tp` are the same
 * socket. */
static __always_inline void begin_socket_record(void *record, __u8 kind, __u16 size, __u32 netns,
						__u64 time_ns, struct sock *sk, struct tcp_sock *tp)
{
	struct socket_record *e = record;

	begin_record(record, kind, size, netns, time_ns);
	e->cookie = read_cookie(&sk->__sk_common);
	read_flow(&e->flow, tp);
}

/* The same for a mini-socket. The cookie is that of sk, the addresses are those of `named`. */
static __always_inline void begin_mini_record(void *record, __u8 kind, __u16 size, __u64 time_ns,
					      struct sock_common *sk,
					      const struct sock_common *named)
{
	struct socket_record *e = record;

	begin_record(record, kind, size, read_netns(sk), time_ns);
	e->cookie = read_cookie(sk);
	read_common_flow(&e->flow, named);
	e->flow.flags = 0;
}

/* The flags of a request. */
static __always_inline __u16 read_request_flags(struct tcp_request_sock *request)
{
	return BPF_CORE_READ_BITFIELD(&request->req, acked) ? EVENT_ACKED : 0;
}

/* Reads all by direct access, the name too: lockdown can withhold bpf_probe_read_kernel(). */
static __always_inline void read_process(struct event_task *out, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	out->start_ns = leader->start_boottime;
	out->tgid = leader->tgid;
	out->tid = 0;
	((__u64 *)out->comm)[0] = ((__u64 *)leader->comm)[0];
	((__u64 *)out->comm)[1] = ((__u64 *)leader->comm)[1];
}

/* As read_process(), for the running task, with the process id in tcpwatch's pid namespace. */
static __always_inline void read_current(struct event_task *out, struct task_struct *task)
{
	struct bpf_pidns_info ns = {};

	read_process(out, task);
	if (pidns_ino) {
		bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ns, sizeof(ns));
		out->tgid = ns.tgid;
	}
}

/* Returns the id of a task in tcpwatch's pid namespace, not the initial one; 0 if it is not visible
 * there. */
static __always_inline __u32 pid_here(struct pid *pid)
{
	__u32 level;

	level = BPF_CORE_READ(pid, level);
	for (__u32 i = 0; i < PIDNS_LEVELS; i++) {
		struct upid upid;

		if (i > level || bpf_probe_read_kernel(&upid, sizeof(upid), &pid->numbers[i]))
			break;
		if (BPF_CORE_READ(upid.ns, ns.inum) == pidns_ino)
			return upid.nr;
	}
	return 0;
}

/* Returns the process id of any task in tcpwatch's pid namespace, 0 if it is not visible there. */
static __always_inline __u32 task_tgid_here(struct task_struct *task)
{
	return pidns_ino ? pid_here(task->group_leader->thread_pid) : task->tgid;
}

#endif
