/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

/*
 * The kernel internals that tcpwatch depends on: the fields that the BPF programs read, and no
 * others. Offsets and bit positions come from the running kernel's BTF (CO-RE). Only names and
 * types matter here.
 */

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

enum { false = 0, true = 1 };

/* UAPI */
enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27
};
enum { BPF_F_MMAPABLE = 1U << 10 };
enum { BPF_RB_NO_WAKEUP = 1ULL << 0, BPF_RB_FORCE_WAKEUP = 1ULL << 1 };
enum { BPF_RB_AVAIL_DATA = 0 };
enum { BPF_F_USER_STACK = 1ULL << 8 };
struct bpf_pidns_info {
	__u32 pid;
	__u32 tgid;
};

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV
};

/* The registers of a user program on x86-64, from asm/ptrace.h: no kernel changes their order. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip;
	unsigned long : 64; /* cs */
	unsigned long flags, sp;
};

/* The same on arm64. */
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct proc_ns_operations;

struct list_head {
	struct list_head *next;
};

struct ns_common {
	const struct proc_ns_operations *ops;
	unsigned int inum;
};

enum netns_bpf_attach_type { NETNS_BPF_FLOW_DISSECTOR, NETNS_BPF_SK_LOOKUP };
struct bpf_prog_array;

struct netns_bpf {
	struct bpf_prog_array *run_array[2];
};

struct net {
	struct list_head list;
	struct ns_common ns;
	struct netns_bpf bpf;
	u64 net_cookie;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	s64 counter;
} atomic64_t;

struct hlist_node {
	struct hlist_node **pprev;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
	struct hlist_node skc_node;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct {
		int len;
	} sk_backlog;
	struct socket *sk_socket;
	unsigned long sk_lingertime;
	int sk_err;
	u16 sk_protocol;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	u8 sk_kern_sock : 1;
	u8 sk_shutdown;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
	unsigned long inet_flags; /* c274af224269, 6.6 */
};

struct inet_sock___transparent { /* until 4bd0623f04ee, 6.6 */
	__u8 transparent : 1;
};

struct request_sock_queue {
	struct request_sock *rskq_accept_head;
};

/* At first two numbers (91d0b78c5177), then one: highest << 16 | lowest. */
struct inet_sock___range_pair {
	struct {
		__u16 lo;
		__u16 hi;
	} local_port_range;
};

struct inet_sock___range {
	__u32 local_port_range;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	__u8 icsk_retransmits;
	__u8 icsk_backoff;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 tcp_clock_cache;
	u32 copied_seq;
	u32 rcv_nxt;
	u32 write_seq;
	u32 snd_una;
	u64 bytes_sent;
	u64 bytes_acked;
	u64 bytes_retrans;
	u32 srtt_us;
	u32 total_retrans;
	u32 total_rto_time; /* 3868ab0f1925, 6.7 */
	u32 lsndtime;
	u32 mss_cache;
	u32 rcv_tstamp;
	int linger2;
};

struct timer_list {
	unsigned long expires;
};

struct request_sock {
	struct sock_common __req_common;
	struct request_sock *dl_next;
	struct sock *sk;
	u8 num_retrans;
	u8 num_timeout : 7;
	struct timer_list rsk_timer;
};

struct inet_request_sock {
	struct request_sock req;
	u16 no_srccheck : 1;
	u16 acked : 1;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	u64 snt_synack; /* in microseconds of CLOCK_MONOTONIC */
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	volatile unsigned char tw_substate;
	unsigned int tw_transparent : 1;
	struct timer_list tw_timer;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
};

enum sock_flags { SOCK_DEAD, SOCK_DONE, SOCK_KEEPOPEN, SOCK_LINGER };

struct socket {
	struct file *file;
	struct sock *sk;
};

struct file {
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct nsproxy {
	struct net *net_ns;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct uprobe_task;

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 start_boottime;
	u64 self_exec_id;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct uprobe_task *utask;
	char comm[16];
};

/* The context of a program on the tracepoint of a system call's end. */
struct syscall_trace_exit {
	long ret;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

/*
 * Tracepoints with the last argument that newer kernels have added. All kernels have types with
 * these names. For a name that the kernel lacks, libbpf searches the modules, which needs
 * CAP_SYS_ADMIN.
 */
struct sk_buff;
enum sk_rst_reason : unsigned int; /* with its size: else the kernel refuses our BTF */
typedef void (*btf_trace_tcp_retransmit_skb)(void *, const struct sock *, const struct sk_buff *,
					     int); /* 6.17 */
typedef void (*btf_trace_tcp_send_reset)(void *, const struct sock *, const struct sk_buff *,
					 const enum sk_rst_reason); /* 6.10 */

#endif
